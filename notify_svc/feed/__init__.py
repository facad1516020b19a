"""The notifications of one person in the app: pages, counts, and the stream of new ones."""
