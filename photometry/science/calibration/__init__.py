"""From fluxes to magnitudes: zero points, colour terms, channels of a detector, and depth."""
