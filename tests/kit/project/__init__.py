"""A tiny service with nothing but the kit in it."""
