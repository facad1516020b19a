"""Insights: how scores, reports and decisions do over time, and the staff reports."""
