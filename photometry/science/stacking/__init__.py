"""Stacking of images, and averaging of measurements on several."""
