"""Periods of many stars that share their epochs, and the choice among their peaks."""
