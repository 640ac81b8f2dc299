"""The measurements of a star over time."""
