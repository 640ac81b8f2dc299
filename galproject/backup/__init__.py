"""Backup and restoration of a survey: database, pictures, options and secret key."""
