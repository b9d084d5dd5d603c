"""What money does: pure functions over LazyFrames, one file per table, one file per charge model."""
