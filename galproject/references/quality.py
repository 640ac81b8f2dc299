"""The quality of exposures as references, side by side."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from astropy.time import Time
from django.db.models import Aggregate, Count, FloatField, Q, Sum

from exposures.models import GalExposure, GalImage, Status
from exposures.plain_values import none_if_nan
from galproject.configuration.loading import load_options
from photometry.models import GalReference, GalZeroPoint
from photometry.science.calibration.depth import limiting_magnitude


class Median(Aggregate):
    """The SQL median; null without rows."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Quality:
    """An exposure's quality as a reference: medians of its chips, None if not measured."""

    exposure: GalExposure
    n_chips: int
    n_done: int
    n_references: int  # chips that are references now
    n_sources: int | None  # found on it
    fwhm_arcsec: float | None
    depth: float | None  # 5 sigma, mag
    sky: float | None  # ADU
    masked_percent: float | None
    astrometric_rms_mas: float | None
    zero_point_error: float | None  # mag
    chi2_nu: float | None  # of a search image, before the expansion
    absolute_error: float | None  # mag, of the absolute zero points of references, systematic too
    rank: int | None = None  # 1 is suggested first

    @property
    def date(self) -> datetime | None:
        """The date of the exposure; None if older versions stored an impossible time."""
        if not 0 < self.exposure.mjd < LAST_MJD:  # as NaN isn't
            return None
        return Time(self.exposure.mjd, format="mjd").to_datetime()


LAST_MJD = 2_900_000  # in the year 9798
# The columns of the comparison: what they are called, their unit, decimals, and which end is best.
COLUMNS = (
    ("fwhm_arcsec", "Seeing", "″", 2, min),
    ("depth", "Depth, 5 σ", "mag", 2, max),
    ("sky", "Sky", "ADU", 0, min),
    ("masked_percent", "Masked", "%", 2, min),
    ("astrometric_rms_mas", "Astrometry", "mas", 0, min),
    ("zero_point_error", "Zero point ±", "mag", 4, min),
    ("absolute_error", "Calibrated ±", "mag", 3, min),
    ("chi2_nu", "χ²/ν", "", 2, min),
    ("n_sources", "Sources", "", 0, max),
    ("n_done", "Chips done", "", 0, max),
)
SORTABLE = {"rank", "mjd", *(name for name, *_ in COLUMNS)}
MEDIANS = (
    *("fwhm_arcsec", "fwhm_pixels", "sky", "sky_noise", "masked_fraction", "zero_point"),
    *("zero_point_error", "astrometric_rms_mas", "chi2_nu"),
)


def qualities(exposures) -> list[Quality]:
    """The Quality of exposures, ranked by the current options.

    The rank is depth minus ``mag_per_arcsec`` for each arcsecond of seeing. Depth already contains
    the seeing for an isolated star; in a crowded field, where neighbours blend, seeing counts
    again. Exposures that lack chips follow, and those without measurements come last.
    """
    rows, options = _medians(exposures), load_options().ranking
    absolute = _absolute_errors(exposures)
    found = [
        _quality(exposure, rows[exposure.pk], absolute.get(exposure.pk))
        for exposure in exposures
        if exposure.pk in rows
    ]
    most = max((quality.n_chips for quality in found), default=0)
    order = sorted(found, key=lambda quality: _key(quality, most, options))
    ranks = {q.exposure.pk: n for n, q in enumerate(order, 1) if q.depth is not None}
    return [Quality(**(vars(q) | {"rank": ranks.get(q.exposure.pk)})) for q in order]


def _medians(exposures):
    images = GalImage.objects.filter(exposure__in=[e.pk for e in exposures]).order_by()
    rows = images.values("exposure_id").annotate(
        n_chips=Count("pk"),
        n_done=Count("pk", filter=Q(status=Status.DONE)),
        n_references=Count("pk", filter=Q(is_reference=True)),
        n_sources=Sum("n_detected"),
        **{f"median_{name}": Median(name) for name in MEDIANS},
    )
    return {row["exposure_id"]: row for row in rows}


def _absolute_errors(exposures) -> dict[int, float]:
    """Medians of the errors of the best absolute zero points by exposure, mag."""
    references = dict(
        GalReference.objects.filter(
            active=True, image__exposure__in=[e.pk for e in exposures]
        ).values_list("pk", "image__exposure_id")
    )
    errors = defaultdict(list)
    for pk, zero_point in GalZeroPoint.objects.best_of(references).items():
        errors[references[pk]].append(zero_point.total_error)
    return {pk: float(np.median(values)) for pk, values in errors.items()}


def _quality(exposure, row, absolute_error):
    median = {name: row[f"median_{name}"] for name in MEDIANS}
    depth = limiting_magnitude(median["zero_point"], median["sky_noise"], median["fwhm_pixels"])
    masked = median["masked_fraction"]
    counts = ("n_chips", "n_done", "n_references", "n_sources")
    same = ("fwhm_arcsec", "sky", "astrometric_rms_mas", "zero_point_error", "chi2_nu")
    return Quality(
        exposure=exposure,
        depth=none_if_nan(float(depth)),
        masked_percent=None if masked is None else 100 * masked,
        absolute_error=absolute_error,
        **{name: row[name] for name in counts},
        **{name: median[name] for name in same},
    )


def _key(quality, most, options):
    if quality.depth is None:
        return 2, 0.0, quality.exposure.mjd
    score = quality.depth - options.mag_per_arcsec * quality.fwhm_arcsec
    lacks_chips = quality.n_done < options.min_chips * most
    return int(lacks_chips), -score, quality.exposure.mjd


def best_of(found) -> dict[str, float]:
    """The best value of each column, unless all are the same."""
    best = {}
    for name, *_, end in COLUMNS:
        values = [v for quality in found if (v := getattr(quality, name)) is not None]
        if len(set(values)) > 1:
            best[name] = end(values)
    return best


def sort(found, by) -> list[Quality]:
    """Sort by a column, descending with a leading minus; unknown values come last."""
    name = by.lstrip("-")
    if name not in SORTABLE or name == "rank":
        return list(found)

    def value(quality):
        return quality.exposure.mjd if name == "mjd" else getattr(quality, name)

    known = [quality for quality in found if value(quality) is not None]
    unknown = [quality for quality in found if value(quality) is None]
    return sorted(known, key=value, reverse=by.startswith("-")) + unknown
