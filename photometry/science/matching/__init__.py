"""Matching of reference sources with published stars by probability."""
