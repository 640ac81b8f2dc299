"""What is drawn of the survey on the sky: exposures, chips in a part of it, and star densities."""

from django.db.models import Count, F, FloatField, IntegerField, Sum, Value
from django.db.models.functions import Cast, Cos, Floor, Greatest, Radians, Round

from exposures.models import GalExposure, GalImage
from exposures.q3c import Q3CWithin
from galproject.coverage.outlines import OUTLINES

MAX_EXPOSURES = 20_000  # that are drawn: the newest
MAX_CHIPS = 6000  # in a part of the sky
MAX_OTHER_CHIPS = 4000  # of cameras of which no outline is known
CELL_DEGREES = 0.5  # on a side: several chips of DECam, so that none between others is empty
DIGITS = 5  # of positions in degrees


def survey_on_the_sky() -> dict:
    """All exposures, and star densities in cells, for JSON; five queries.

    ``{"exposures", "filters", "outlines", "others", "cells", "cell_degrees", "is_cut"}``: rows of
    exposures are id, identifier, MJD, ra, dec, number of the filter, camera, reference chips.
    """
    exposures = GalExposure.objects.order_by("-mjd", "-pk")
    columns = ("pk", "identifier", "mjd", "ra", "dec", "filter", "instrument")
    rows = list(exposures.values_list(*columns)[: MAX_EXPOSURES + 1])
    filters = sorted({row[5] for row in rows})
    numbers = {name: number for number, name in enumerate(filters)}
    references = _reference_chips()
    return {
        "exposures": [
            (pk, name, mjd, ra, dec, numbers[filter], camera, references.get(pk, 0))
            for pk, name, mjd, ra, dec, filter, camera in rows[:MAX_EXPOSURES]
        ],
        "is_cut": len(rows) > MAX_EXPOSURES,
        "filters": filters,
        "outlines": OUTLINES,
        "others": _chips_of_other_cameras(),
        "cells": _star_cells(numbers),
        "cell_degrees": CELL_DEGREES,
    }


def chips_on_the_sky(ra: float, dec: float, radius: float, filters) -> dict:
    """Chips in a circle (degrees) with their corners, for JSON; one query.

    ``{"chips", "is_cut"}``: rows are id, exposure, name, whether it is a reference, star density
    and the corners (8,) in degrees. Of more than MAX_CHIPS there are none, and ``is_cut``.
    """
    place = Value(ra), Value(dec), F("ra"), F("dec"), Value(radius)
    images = GalImage.objects.filter(Q3CWithin(*place)).exclude(footprint=None)
    if filters:
        images = images.filter(exposure__filter__in=filters)
    columns = ("pk", "exposure_id", "chip_name", "is_reference", "n_sources", "area", "footprint")
    rows = list(images.annotate(area=chip_area()).values_list(*columns)[: MAX_CHIPS + 1])
    if len(rows) > MAX_CHIPS:
        return {"chips": [], "is_cut": True}
    chips = [
        (pk, exposure, name, is_reference, _density(n, area), [round(x, DIGITS) for x in corners])
        for pk, exposure, name, is_reference, n, area, corners in rows
    ]
    return {"chips": chips, "is_cut": False}


def chip_area():
    """The area of a chip in square arcminutes, by its sides and the circle round it."""
    width, height = (Cast(F(side), FloatField()) for side in ("width", "height"))
    diagonal = 120.0 * F("radius")
    return diagonal * diagonal * width * height / (width * width + height * height)


def _density(n_sources, area):
    return round(n_sources / area, 2) if n_sources and area else None


def _reference_chips():
    """{exposure: number of its chips that are references}."""
    references = GalImage.objects.references().order_by().values("exposure_id")
    return dict(references.annotate(n=Count("pk")).values_list("exposure_id", "n"))


def _chips_of_other_cameras():
    """{exposure: corners (8,) of each of its chips}, where the camera has no outline."""
    images = GalImage.objects.exclude(exposure__instrument__in=OUTLINES).exclude(footprint=None)
    chips = {}
    rows = images.order_by("-pk").values_list("exposure_id", "footprint")[:MAX_OTHER_CHIPS]
    for exposure, corners in rows:
        chips.setdefault(exposure, []).append([round(x, DIGITS) for x in corners])
    return chips


def _star_cells(filter_numbers):
    """Rows of cells that have references: row, column, number of the filter, stars an arcmin2.

    Rows of equal declination from the south pole on have as many columns as make them squares;
    what is stored of each reference chip is summed by the database, and no source is counted.
    """
    row = Cast(Floor((F("dec") + 90.0) / CELL_DEGREES), IntegerField())
    middle = Radians((Cast(F("row"), FloatField()) + 0.5) * CELL_DEGREES - 90.0)
    columns = Greatest(Value(1.0), Round(360.0 / CELL_DEGREES * Cos(middle)))
    references = GalImage.objects.references().done().filter(radius__gt=0, n_sources__gt=0)
    placed = references.annotate(row=row, name=F("exposure__filter"), area=chip_area())
    placed = placed.annotate(column=Cast(Floor(F("ra") / 360.0 * columns), IntegerField()))
    sums = placed.order_by().values("row", "column", "name")
    cells = sums.annotate(n=Sum("n_sources"), whole=Sum("area")).filter(whole__gt=0)
    return [
        (row, column, filter_numbers[name], round(n / whole, 2))
        for row, column, name, n, whole in cells.values_list("row", "column", "name", "n", "whole")
        if name in filter_numbers
    ]
