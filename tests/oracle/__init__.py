"""The oracle: a second rating, written from the rules alone, and the worlds in which the engine is compared with it."""
