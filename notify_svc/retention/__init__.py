"""How long what is kept stays, and what one person may ask for: everything we know of them, or that it goes."""
