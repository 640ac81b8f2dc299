"""Cutouts of candidates and pictures of chips, rendered ahead and kept on disk."""
