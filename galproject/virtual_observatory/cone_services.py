"""The cone searches that there are: sources, objects and candidates, nearest first.

What people said of candidates, by votes or in words, is in none of them.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from exposures.models import GalExposure
from galproject.virtual_observatory import cone_columns as columns_of
from galproject.virtual_observatory.cone_columns import ConeColumn, of_verbosity
from galproject.virtual_observatory.cone_query import ConeQuery
from photometry.models import GalObject, GalObjectSource, GalSource
from variables.models import GalCandidate

AS_VOTABLE = "?format=votable"


@dataclass(frozen=True)
class Found:
    """The rows of a cone, nearest first, in the order of the columns."""

    columns: list[ConeColumn]
    rows: list[tuple]
    is_cut: bool  # there are more than were asked for


@dataclass(frozen=True)
class ConeService:
    """A table of the survey that is searched by position."""

    name: str
    title: str
    max_radius_degrees: float
    columns: list[ConeColumn]  # whatever the survey has
    search: Callable[..., list[dict]]  # query, number of rows: {column: value} each
    more_columns: Callable[[], list[ConeColumn]] = list  # by what it has
    more: str = ""  # these in words

    def find(self, query: ConeQuery, address_of=str) -> Found:
        """What a query asks for; ``address_of`` makes a path an address for others."""
        columns = of_verbosity([*self.columns, *self.more_columns()], query.verbosity)
        found = self.search(query, query.n_rows + 1) if query.wants_rows else []
        rows = found[: query.n_rows]
        for row in rows:
            row["light_curve"] = address_of(row["light_curve"]) + AS_VOTABLE
        names = [column.name for column in columns]
        given = [tuple(row[name] for name in names) for row in rows]
        return Found(columns, given, is_cut=len(found) > len(rows))


def _cone(rows, query, n):
    """The first rows of a model with a position, by their distance."""
    return list(rows.cone(query.ra, query.dec, query.radius_degrees * 3600)[:n])


def _row(thing, columns, address, **more):
    """{column: value} of a model's row, whose light curve is at a named address."""
    own = {"id": str(_key(thing)), "light_curve": reverse(address, args=[_key(thing)]), **more}
    names = (column.name for column in columns)
    return own | {name: getattr(thing, name) for name in names if name not in own}


def _key(thing):
    return getattr(thing, "refsource_id", None) or thing.pk


def _sources(query, n):
    found = _cone(GalSource.objects, query, n)
    members = GalObjectSource.objects.filter(pk__in=[source.refsource_id for source in found])
    objects = dict(members.values_list("pk", "object_id"))
    return [
        _row(source, columns_of.SOURCES, "api-curve", object_id=objects.get(source.refsource_id))
        for source in found
    ]


def _candidates(query, n):
    found = _cone(GalCandidate.objects.accepted(), query, n)
    return [_row(one, columns_of.CANDIDATES, "api-curve") for one in found]


def _objects(query, n):
    found = _cone(GalObject.objects.in_use(), query, n)
    mags = defaultdict(dict)
    members = GalObjectSource.objects.current().filter(object_id__in=[star.pk for star in found])
    for object_id, name, mag in members.values_list("object_id", "filter", "mag"):
        brightest = mags[object_id].get(name, mag)
        mags[object_id][name] = min(mag, brightest)
    columns = _magnitudes()
    return [
        _row(
            *(star, columns_of.OBJECTS, "api-object-light-curve"),
            **{column.name: mags[star.pk].get(name) for name, column in columns.items()},
        )
        for star in found
    ]


def _magnitudes() -> dict[str, ConeColumn]:
    """{filter: column} of an object's magnitude in each filter of the survey."""
    names = GalExposure.objects.order_by("filter").values_list("filter", flat=True).distinct()
    return {
        name: ConeColumn(
            *(f"mag_{_word(name)}", columns_of.SINGLE, "mag"),
            *(f"in {name}, of its brightest source there", "phot.mag"),
        )
        for name in names
    }


def _word(name):
    """The name of a filter as a part of a column's name, another one for each."""
    return re.sub(r"[^0-9A-Za-z_]", lambda sign: f"x{ord(sign[0]):x}", name)


def _columns_of_magnitudes():
    return list(_magnitudes().values())


SERVICES = {
    service.name: service
    for service in (
        ConeService("sources", "Sources of reference images", 0.1, columns_of.SOURCES, _sources),
        ConeService(
            *("objects", "Stars in all filters", 0.1, columns_of.OBJECTS, _objects),
            more_columns=_columns_of_magnitudes,
            more="mag_FILTER for each filter, the magnitude of the brightest source there",
        ),
        ConeService("candidates", "Candidate variables", 1.0, columns_of.CANDIDATES, _candidates),
    )
}
