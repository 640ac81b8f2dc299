"""A stand-in for the database if none is configured."""
