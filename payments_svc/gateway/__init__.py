"""The only door to Stripe: calls go out through `stripe_api`, events come in through `api` and are worked by `tasks`."""
