"""Who carries our messages: their weights, their health, how fast they may be used."""
