"""What is forgotten when, and what one person may take along or have erased."""
