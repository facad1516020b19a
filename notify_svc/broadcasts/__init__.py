"""Messages that staff write to many people at once."""
