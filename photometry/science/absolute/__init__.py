"""Absolute calibration: zero points and colour terms from stars that somebody else published."""
