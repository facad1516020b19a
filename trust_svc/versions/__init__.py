"""Versions: how a set of parameters becomes the one that counts."""
