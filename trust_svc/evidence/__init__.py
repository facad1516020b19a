"""What is known: facts about campaigns and people, kept for good, and who belongs to whom."""
