"""Input from outside, read within bounds and refused with a message if invalid."""
