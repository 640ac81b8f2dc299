"""Rows of candidates, derived from changes, flags and votes."""
