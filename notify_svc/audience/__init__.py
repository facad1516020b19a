"""The people: how a person is reached, what we know of campaigns, and who supports them."""
