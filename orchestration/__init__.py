"""What runs when, and all contact with the world. This file imports nothing: the bootstrap runs before any install."""
