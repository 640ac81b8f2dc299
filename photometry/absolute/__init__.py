"""Absolute zero points of references: fitted, stored, and applied to sources."""
