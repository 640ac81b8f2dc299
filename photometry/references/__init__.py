"""Reference catalogues of one image, or as the mean of a set."""
