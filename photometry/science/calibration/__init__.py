"""Calibration of fluxes: zero points, magnitude corrections, read-out channels and depth."""
