"""Fluxes of stars at known positions, blended neighbours fitted together."""
