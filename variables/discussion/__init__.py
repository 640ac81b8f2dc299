"""Comments on candidates, exposures and images, with threads, mentions and withdrawal."""
