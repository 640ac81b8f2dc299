"""Exposures found by what people call them."""

from exposures.errors import GalprojectError
from exposures.models import GalExposure


def find_exposures(identifiers) -> list[GalExposure]:
    """Exposures by their identifiers, EXPNUM or file stem; raises GalprojectError."""
    found = []
    for identifier in identifiers:
        alike = list(GalExposure.objects.filter(identifier=identifier))
        if not alike:
            raise GalprojectError(
                f"{identifier}: there is no such exposure. manage.py working_status lists them"
            )
        found += alike
    return found
