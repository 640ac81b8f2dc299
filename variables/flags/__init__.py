"""Flags on artifacts: made by hand or proposed, what they hide, and their undoing."""
