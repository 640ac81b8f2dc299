"""Figures that say how far the measurements of an image can be trusted."""
