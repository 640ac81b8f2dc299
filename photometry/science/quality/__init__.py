"""Figures of an image's quality."""
