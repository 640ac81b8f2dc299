"""The point-spread function of an image, and stamps of it."""
