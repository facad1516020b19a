"""Verification: who asks to be verified, and what staff decided, with an end."""
