"""Small programs that a measure starts beside itself."""
