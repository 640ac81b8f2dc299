"""Measurements written to the database and read from it."""
