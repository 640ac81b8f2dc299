"""Barycentric times of measurements, from where the telescope of the survey stands."""

from exposures.options_in_force import options_in_force
from exposures.science.barycentre import bjd_tdb


def barycentric_times(mjd, ra, dec):
    """(n,) BJD in TDB of (n,) MJD in UTC, of stars at ``ra`` and ``dec``: numbers or (n,)."""
    return bjd_tdb(mjd, ra, dec, options_in_force().observatory)
