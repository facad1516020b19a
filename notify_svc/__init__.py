"""Notifications: who is told what, in which words, through which channel, and what became of it."""
