"""One message to many: audience, approval, throttle, progress and stop."""
