"""What was observed: FITS, exposures and chips, catalogues, WCS; and what everything else needs."""
