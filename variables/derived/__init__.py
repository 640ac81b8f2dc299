"""Rows of candidates, derived from changes, flags, votes and published stars."""
