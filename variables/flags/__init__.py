"""Flags on artifacts: made by hand or proposed, applied to changes, and undone."""
