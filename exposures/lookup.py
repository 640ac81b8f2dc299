"""Exposures found by what people call them."""

from exposures.errors import GalprojectError
from exposures.models import GalExposure

N_SUGGESTED = 3


def find_exposures(identifiers) -> list[GalExposure]:
    """Exposures by their identifiers, EXPNUM or file stem, one for each instrument.

    Raises GalprojectError for an identifier that none has.
    """
    found = []
    for identifier in identifiers:
        alike = list(GalExposure.objects.filter(identifier=identifier))
        if not alike:
            raise GalprojectError(f"{identifier}: there is no such exposure. {_advice(identifier)}")
        found += alike
    return found


def filters_in_use() -> list[str]:
    """The filters of all exposures."""
    return sorted(GalExposure.objects.order_by().values_list("filter", flat=True).distinct())


def _advice(identifier):
    near = GalExposure.objects.filter(identifier__icontains=identifier).order_by("-pk")
    names = ", ".join(near.values_list("identifier", flat=True)[:N_SUGGESTED])
    return f"Did you mean one of {names}?" if names else "manage.py working_status lists them"
