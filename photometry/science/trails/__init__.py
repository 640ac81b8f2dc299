"""Trails of satellites and aeroplanes in an image."""
