"""Demo data and the story of one donation, both through the doors that everybody uses."""
