"""Searches of sources and of objects, as querysets."""
