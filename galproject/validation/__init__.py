"""Comparison of results with a truth: a simulation's, or artificial stars'."""
