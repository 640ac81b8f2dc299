"""Querysets of sources and objects."""
