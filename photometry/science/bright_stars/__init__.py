"""Saturated stars, and where their wings and bleed trails make other stars' fluxes doubtful."""
