"""Coverage of the sky: where exposures lie, how often, and how dense the stars are there."""
