"""A survey as one folder: its database, pictures, options and secret key; made and restored."""
