"""Notices: what concerns a person and has changed, on pages and by mail."""
