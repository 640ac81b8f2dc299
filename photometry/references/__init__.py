"""Reference catalogues: one image's, or a set's mean."""
