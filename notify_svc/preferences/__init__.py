"""What each person wants to hear, by which way and how often; quiet hours, consent and the way out of a list."""
