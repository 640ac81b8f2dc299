"""Stands for a database where none is named."""
