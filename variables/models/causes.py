"""Probable causes of a candidate's changes."""

from django.db import models


class Cause(models.TextChoices):
    """The probable cause of a candidate's changes, judged by the pipeline."""

    REAL = "real", "no artifact is known"
    REFERENCE = "reference", "the reference is at fault: it alone differs, or all others do"
    MISSING = "missing", "on nearly every image, equally bright: the reference missed it"
    DETECTOR = "detector", "the same place on the detector, on many exposures"
    SATURATED = "saturated", "near a saturated star"
    BLEED = "bleed", "on a bleed trail or a saturated star"
    EDGE = "edge", "at the edge of a chip"
    CROWD = "crowd", "many changes on the same chip and exposure"
    SHAPE = "shape", "not shaped like a star"
    MOTION = "motion", "high proper motion: it left its place on the reference"
