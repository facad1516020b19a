"""Turns evidence into scores that can be explained."""
