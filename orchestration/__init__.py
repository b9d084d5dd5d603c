"""What runs when, and all contact with the world. This file stays import-light: the bootstrap runs before any install."""
