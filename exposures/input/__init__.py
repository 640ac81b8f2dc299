"""What comes in from outside, read within bounds and refused with words where it is unreadable."""
