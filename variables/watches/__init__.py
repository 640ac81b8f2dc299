"""Watched searches: what is new in them, told on pages, by mail and in feeds."""
