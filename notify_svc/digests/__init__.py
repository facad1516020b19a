"""What waits to be told together: windows per person, category and channel."""
