"""What people report about campaigns and about each other."""
