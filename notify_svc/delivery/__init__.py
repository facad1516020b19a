"""The sending: notifications, their deliveries per channel, the workers that hand them over, and the feed."""
