"""The sky background of an image."""
