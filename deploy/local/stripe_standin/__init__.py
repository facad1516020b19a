"""A stateful stand-in for Stripe's API, for local stacks and tests. See README.md for what it imitates and what not."""
