"""Planted fraud: made-up populations that speak the evidence contract, and how well scores find the bad ones."""
