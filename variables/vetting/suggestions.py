"""The class that a candidate's likely cause suggests to who vets it."""

from variables.models import Cut
from variables.models.causes import Cause

# By the first taxonomy; where another one lacks a class, pages suggest none.
OF_CAUSES = {
    Cause.REFERENCE: "artifact/artifact-reference",
    Cause.MISSING: "artifact/artifact-reference",
    Cause.DETECTOR: "artifact/artifact-detector",
    Cause.SATURATED: "artifact/artifact-saturated",
    Cause.BLEED: "artifact/artifact-bleed",
    Cause.EDGE: "artifact/artifact-edge",
    Cause.CROWD: "artifact/artifact-quality",
    Cause.SHAPE: "artifact/artifact-blend",
    Cause.MOTION: "proper-motion",
    Cause.REAL: "uncertain",
}
OF_SHARP = "artifact/artifact-cosmic"


def suggestion_of(candidate) -> str:
    """The class, or class/subtype, that a candidate's cause speaks for.

    What is not shaped like a star is a cosmic ray where its light is in one pixel, and else badly
    separated from a neighbour. Of what no artifact is known of, one or two detections tell no
    class: it is uncertain.
    """
    is_sharp = bool(candidate.failed_cuts & Cut.SHARP)
    return OF_SHARP if candidate.cause == Cause.SHAPE and is_sharp else OF_CAUSES[candidate.cause]
