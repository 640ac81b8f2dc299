"""A client of a galproject survey: its light curves, candidates, cutouts and votes in Python."""

from galproject_client.connection import Patience
from galproject_client.errors import (
    NotAllowedError,
    NotThereError,
    RefusedError,
    SurveyError,
    UnreachableError,
)
from galproject_client.light_curves import LightCurve
from galproject_client.survey import Survey

__all__ = [
    "LightCurve",
    "NotAllowedError",
    "NotThereError",
    "Patience",
    "RefusedError",
    "Survey",
    "SurveyError",
    "UnreachableError",
]
