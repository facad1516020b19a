"""What providers say became of a message, and the addresses that are written to no more."""
