"""Campaigns and people that staff stopped: payments makes no payouts of theirs meanwhile."""
