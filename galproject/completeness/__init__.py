"""Completeness of the survey by artificial stars: the pictures of what injection found."""
