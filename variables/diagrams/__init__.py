"""Diagrams of variables by class, and a gallery of their folded curves."""
