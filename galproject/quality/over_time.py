"""The quality of exposures over time, as numbers for a template's SVG."""

from dataclasses import dataclass

import numpy as np
from astropy.time import Time
from matplotlib.ticker import MaxNLocator

from exposures.models import GalExposure, GalImage, Status
from galproject.quality.quantities import OVER_TIME, Quantity, depth_of

WIDTH, HEIGHT = 1000.0, 190.0  # of one panel's axes
MARGIN = 0.06  # of a range, on either side
N_SHAPES, N_COLOURS = 4, 3
QUARTILES = (25, 50, 75)
MAX_EXPOSURES = 250  # in one picture, of which each mark is a link: the last of the time asked for
COLUMNS = ("fwhm_arcsec", "zero_point", "chi2_nu", "sky_noise", "fwhm_pixels")


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    place: float  # x or y in the drawing
    label: str


@dataclass(frozen=True)
class Mark:
    """One exposure: the median over its chips, and between which quartiles they lie."""

    exposure: GalExposure
    x: float
    y: float
    low: float  # y of the lower quartile
    high: float
    text: str  # of the value
    filter_number: int
    is_doubted: bool  # a chip is

    @property
    def shape(self) -> int:
        return self.filter_number % N_SHAPES

    @property
    def colour(self) -> int:
        return self.filter_number % N_COLOURS


@dataclass(frozen=True)
class Panel:
    """One quantity over time."""

    quantity: Quantity
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class QualityOverTime:
    """The panels, one below the other with the same axis of time."""

    panels: tuple[Panel, ...]
    days: tuple[Tick, ...]
    filters: tuple[str, ...]
    first: float  # MJD of the first exposure that is shown, and of the last
    last: float
    n_exposures: int  # shown
    is_cut: bool  # there are more in that time
    width: float = WIDTH
    height: float = HEIGHT


def quality_over_time(end: float, days: float, filters) -> QualityOverTime | None:
    """Exposures with finished chips in the ``days`` up to an MJD, in the filters; None without.

    Two queries, of the chips of those exposures.
    """
    exposures = _exposures(end, days, filters)
    shown = exposures[:MAX_EXPOSURES][::-1]
    values, doubted = _values([exposure.pk for exposure in shown])
    shown = [exposure for exposure in shown if exposure.pk in values]
    if not shown:
        return None
    mjd = np.array([exposure.mjd for exposure in shown])
    scale = _Scale(mjd.min(), mjd.max(), WIDTH)
    names = sorted({exposure.filter for exposure in shown})
    panels = []
    for column, quantity in enumerate(OVER_TIME):
        quartiles = np.array([values[exposure.pk][:, column] for exposure in shown])
        panels.append(_panel(quantity, shown, quartiles, (scale, names, doubted)))
    return QualityOverTime(
        tuple(panels),
        tuple(_days(scale)),
        tuple(names),
        float(mjd.min()),
        float(mjd.max()),
        len(shown),
        len(exposures) > MAX_EXPOSURES,
    )


def latest_mjd(filters=(), before=np.inf) -> float | None:
    """The MJD of the last exposure that has a finished chip, in the filters; None without."""
    exposures = GalExposure.objects.filter(mjd__lt=min(before, 1e9), images__status=Status.DONE)
    if filters:
        exposures = exposures.filter(filter__in=filters)
    return exposures.order_by("-mjd").values_list("mjd", flat=True).first()


def _exposures(end, days, filters):
    """The newest first, one more than are shown at most."""
    exposures = GalExposure.objects.filter(mjd__lte=end, mjd__gt=end - days)
    if filters:
        exposures = exposures.filter(filter__in=filters)
    return list(exposures.order_by("-mjd", "-pk")[: MAX_EXPOSURES + 1])


def _values(exposure_ids):
    """{exposure: (3, 4) quartiles of OVER_TIME over its finished chips}, and those with doubts."""
    done = GalImage.objects.filter(exposure_id__in=exposure_ids, status=Status.DONE)
    rows = list(done.order_by("exposure_id").values_list("exposure_id", "is_doubted", *COLUMNS))
    if not rows:
        return {}, set()
    numbers = np.array(rows, float)  # None is NaN
    owners = numbers[:, 0].astype(int)
    seeing, zero_point, chi2_nu, sky_noise, fwhm_pixels = numbers[:, 2:].T
    columns = (seeing, zero_point, depth_of(zero_point, sky_noise, fwhm_pixels), chi2_nu)
    measured = np.column_stack(columns)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    parts = zip(owners[starts], np.split(measured, starts[1:]), strict=True)
    values = {int(owner): _quartiles(part) for owner, part in parts}
    return values, set(owners[numbers[:, 1] == 1].tolist())


def _quartiles(chips):
    """(3, n) quartiles of (n_chips, n) numbers without NaN; NaN where all are."""
    kept = [column[~np.isnan(column)] for column in chips.T]
    some = [np.percentile(one, QUARTILES) if len(one) else np.full(3, np.nan) for one in kept]
    return np.column_stack(some)


class _Scale:
    """An axis from ``low`` to ``high`` along so many units of the drawing."""

    def __init__(self, low, high, length, is_up=False):
        spread = (high - low) or max(abs(high) * 0.01, 0.01)
        self.low, self.high = low - MARGIN * spread, high + MARGIN * spread
        self.length, self.is_up = length, is_up

    def place(self, value):
        share = (value - self.low) / (self.high - self.low)
        return self.length * ((1 - share) if self.is_up else share)

    def values(self, n):
        """Round numbers in between, at most some ``n``."""
        every = MaxNLocator(n, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        return [value for value in every if self.low <= value <= self.high]


def _panel(quantity, exposures, quartiles, frame):
    times, names, doubted = frame
    known = np.isfinite(quartiles[:, 1])
    if not known.any():
        return Panel(quantity, (), ())
    # Rare failures don't press all others into a line: what lies beyond is drawn at the edge.
    low, high = np.nanpercentile(quartiles[known], [1, 99])
    scale = _Scale(low, high, HEIGHT, is_up=True)
    places = np.clip(scale.place(quartiles), 0, HEIGHT)
    marks = [
        Mark(
            exposure,
            float(times.place(exposure.mjd)),
            *(float(y) for y in (places[i, 1], places[i, 0], places[i, 2])),
            quantity.number(quartiles[i, 1]),
            names.index(exposure.filter),
            exposure.pk in doubted,
        )
        for i, exposure in enumerate(exposures)
        if known[i]
    ]
    ticks = [Tick(float(scale.place(value)), f"{value:g}") for value in scale.values(5)]
    return Panel(quantity, tuple(ticks), tuple(marks))


def _days(scale):
    """Marks of days, or of times where all is of one night."""
    is_short = scale.high - scale.low < 3
    for mjd in scale.values(7):
        time = Time(mjd, format="mjd").to_datetime()
        yield Tick(
            float(scale.place(mjd)), f"{time:%Y-%m-%d %H:%M}" if is_short else f"{time:%Y-%m-%d}"
        )
