"""Detections of stars that the reference does not have."""

from variables.models import GalNewDetection

# Of one that passes all cuts.
VALUES = {
    "ra": 266.0,
    "dec": -29.0,
    "reference_x": 500.0,
    "reference_y": 700.0,
    "x": 510.0,
    "y": 690.0,
    "flux": 5000.0,
    "flux_err": 250.0,
    "significance": 20.0,
    "mag": 20.0,
    "mag_err": 0.05,
    "rchi2": 1.0,
    "fracflux": 0.9,
    "quality": 1.0,
    "flags": 0,
    "failed_cuts": 0,
}


def make_detection(catalogue, **columns):
    """A detection that passes all cuts, not saved; ``columns`` are those that differ."""
    return GalNewDetection(catalogue=catalogue, **VALUES | columns)
