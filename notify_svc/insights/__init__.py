"""How messages fare: by channel, provider, type and version."""
