"""The brightness of the sky behind the stars of an image."""
