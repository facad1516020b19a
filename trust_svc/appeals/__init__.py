"""Appeals: decisions that those whom they are about want looked at again, by somebody else and before a day."""
