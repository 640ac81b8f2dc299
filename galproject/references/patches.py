"""Patches of sky in a filter, for which references are chosen."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import F, Value

from exposures.lookup import filters_in_use
from exposures.models import GalExposure, GalField
from exposures.q3c import Q3CWithin
from exposures.science.angles import wrap_ra
from exposures.science.motion import separation_degrees
from galproject.configuration.loading import load_options
from galproject.home.fields import observed_fields


@dataclass(frozen=True)
class SkyPatch:
    """A circle on the sky and a filter."""

    ra: float  # ICRS degrees
    dec: float
    radius: float  # degrees
    filter: str

    def exposures(self):
        """Its exposures, oldest first."""
        place = Value(self.ra), Value(self.dec), F("ra"), F("dec"), Value(self.radius)
        found = GalExposure.objects.filter(Q3CWithin(*place), filter=self.filter)
        return found.order_by("mjd", "pk")

    @property
    def query(self) -> str:
        """The query string of its page."""
        position = f"{self.ra:.5f} {self.dec:+.5f}"
        return urlencode({"position": position, "radius": self.radius, "filter": self.filter})


@dataclass(frozen=True)
class FieldToChoose:
    """A field, observed or monitored, with its patches."""

    name: str
    n_exposures: int | None  # None if nobody counted
    patches: tuple[SkyPatch, ...]  # one for each filter


def patch_round(exposure) -> SkyPatch:
    """The patch round an exposure."""
    radius = load_options().fields.compared_degrees
    return SkyPatch(exposure.ra, exposure.dec, radius, exposure.filter)


def fields_to_choose() -> list[FieldToChoose]:
    """The observed fields, and monitored ones that were not observed yet."""
    observed, options = observed_fields(), load_options().fields
    followed = GalField.objects.all()
    new = [field for field in followed if not _is_among(field, observed, options.same_degrees)]
    return [*(_observed(field, options) for field in observed), *map(_followed, new)]


def _is_among(field, observed, degrees):
    separations = (separation_degrees(field.ra, field.dec, o.ra, o.dec) for o in observed)
    return any(separation < degrees for separation in separations)


def _observed(field, options):
    radius = options.compared_degrees
    patches = (SkyPatch(field.ra, field.dec, radius, name) for name, _ in field.filters)
    return FieldToChoose(field.name, field.n_exposures, tuple(patches))


def _followed(field):
    filters = field.filters or filters_in_use()
    patches = (SkyPatch(wrap_ra(field.ra), field.dec, field.radius, name) for name in filters)
    return FieldToChoose(field.name, None, tuple(patches))
