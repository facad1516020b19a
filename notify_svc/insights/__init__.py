"""Insights: how messages do over time, what deserves a look, and the staff reports."""
