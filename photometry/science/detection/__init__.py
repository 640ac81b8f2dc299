"""Stars found in an image, and what the fitted ones leave."""
