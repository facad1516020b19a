"""Appeals: whom a decision hurts may ask somebody else to look again."""
