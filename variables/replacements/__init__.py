"""Annotations transferred from a source to the one that replaces it."""
