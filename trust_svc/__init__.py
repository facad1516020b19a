"""The trust service: what is known of campaigns and people, and how far they can be trusted."""
