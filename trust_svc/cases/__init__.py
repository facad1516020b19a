"""Cases: what people and signals say against a campaign or a person, gathered, judged once."""
