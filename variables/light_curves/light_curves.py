"""The light curves of the sources at a position in all filters, and their plots."""

from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.recfunctions import append_fields

from photometry.absolute.offsets import absolute_offsets
from photometry.models import GalSource
from photometry.querysets.sources import EpochKind
from photometry.storage.light_curves import epochs
from variables.light_curves.times import barycentric_times
from variables.models import GalVarObj

# As near to the colour of the light as can be told apart.
FILTER_COLOURS = {
    "u": "#7b3fbf",
    "g": "#2a8f5c",
    "r": "#c4501b",
    "i": "#a3213a",
    "z": "#6b4a2b",
    "Y": "#3a3a3a",
    "VR": "#b08a00",
}
OTHER_COLOUR = "#3465a4"
VARIABLE = "#d9820f"
MAX_LABELS = 6  # sources of one filter that are named beside the panel


@dataclass(frozen=True)
class NonDetections:
    """The epochs at which a source was looked for and not detected; arrays (m,), oldest first."""

    mjd: np.ndarray  # UTC, middle of the exposure
    bjd_tdb: np.ndarray  # the same moment at the barycentre
    limit_mag: np.ndarray  # upper limits; NaN where nothing can be told, or no limit was kept
    flux: np.ndarray  # ADU; NaN where it was not kept
    flux_err: np.ndarray
    flags: np.ndarray  # mask bits
    image_id: np.ndarray
    is_variable: np.ndarray  # a galvarobj that passes its cuts: it vanished
    is_kept: np.ndarray  # a row of galnondetections; else only galvarobjs has it

    def __len__(self):
        return len(self.mjd)

    @property
    def is_informative(self):
        """(m,) whether an epoch is deep enough to say anything about the source."""
        return np.isfinite(self.limit_mag) | self.is_variable


@dataclass(frozen=True)
class LightCurve:
    """All measurements of one reference source; arrays (n_epochs,), oldest first."""

    refsource_id: int
    filter: str
    ra: float  # ICRS degrees
    dec: float
    distance_arcsec: float  # from the position asked for
    mjd: np.ndarray  # UTC, middle of the exposure
    bjd_tdb: np.ndarray  # the same moment at the barycentre
    mag: np.ndarray
    mag_err: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray
    rchi2: np.ndarray
    flags: np.ndarray  # mask bits
    is_reference: np.ndarray  # measured on the reference image
    is_variable: np.ndarray  # a galvarobj that passes its cuts
    image_id: np.ndarray
    missed: NonDetections
    trend_mag: np.ndarray  # trends that were taken off ``mag``; NaN where it is as measured

    def __len__(self):
        return len(self.mjd)

    @property
    def is_detrended(self) -> bool:
        """Whether trends were taken off."""
        return bool(np.isfinite(self.trend_mag).any())

    @property
    def n_epochs(self) -> int:
        """The number of epochs at which it was looked for."""
        return len(self) + int(self.missed.is_informative.sum())

    @property
    def vanished_mjd(self) -> np.ndarray:
        """(k,) accepted epochs at which it has vanished."""
        return self.missed.mjd[self.missed.is_variable]

    @property
    def median_mag(self) -> float:
        return float(np.median(self.mag))


COLUMNS = ("mag", "mag_err", "flux", "flux_err", "rchi2", "flags", "is_reference")
MEASURED = ("mjd", "bjd_tdb", *COLUMNS)
MISSED = ("mjd", "bjd_tdb", "limit_mag", "flux", "flux_err", "flags")


def light_curves_at(ra, dec, radius_arcsec) -> list[LightCurve]:
    """Light curves of all reference sources near a position in degrees, nearest first."""
    sources = list(GalSource.objects.cone(ra, dec, radius_arcsec))
    ids = [source.refsource_id for source in sources]
    measured = epochs(ids, ("ra", "dec", "galimage_id", *COLUMNS))
    times = barycentric_times(measured["mjd"], measured["ra"], measured["dec"])
    measured = append_fields(measured, "bjd_tdb", times, usemask=False)
    variable, vanished = _changes(ids)
    return [
        _light_curve(source, measured[own], variable, vanished[source.refsource_id])
        for source, own in zip(sources, _slices_of(measured["refsource_id"], ids), strict=True)
    ]


def _slices_of(sorted_ids, ids):
    """The slice of sorted rows that belongs to each of ``ids``."""
    first, end = (np.searchsorted(sorted_ids, ids, side) for side in ("left", "right"))
    return [slice(*places) for places in zip(first, end, strict=True)]


def _changes(ids):
    """Accepted changes as {(refsource_id, image_id)}, and vanished ones as {refsource_id: rows}.

    The rows are (image_id, mjd, flux, flux_err), oldest first.
    """
    variable, vanished = set(), defaultdict(list)
    changes = GalVarObj.objects.accepted().filter(refsource_id__in=ids)
    for source_id, kind, *row in changes.order_by("image__exposure__mjd").values_list(
        "refsource_id", "kind", "image_id", "image__exposure__mjd", "flux", "flux_err"
    ):
        variable.add((source_id, row[0]))
        if kind == GalVarObj.Kind.VANISHED:
            vanished[source_id].append(row)
    return variable, vanished


def _light_curve(source, rows, variable, vanished):
    key, detected = source.refsource_id, rows[rows["is_detected"]]
    image_ids = detected["galimage_id"]
    # A flux that is barely positive may have a row and be called vanished all the same.
    known = set(rows["galimage_id"].tolist())
    only_changed = [row for row in vanished if row[0] not in known]
    return LightCurve(
        refsource_id=key,
        filter=source.filter,
        ra=source.ra,
        dec=source.dec,
        distance_arcsec=source.distance_arcsec,
        image_id=image_ids,
        is_variable=_are_in(variable, key, image_ids),
        missed=_non_detections(source, rows[~rows["is_detected"]], only_changed, variable),
        trend_mag=np.full(len(detected), np.nan, "f4"),
        **{name: detected[name] for name in MEASURED},
    )


def _non_detections(source, rows, only_changed, variable):
    """The NonDetections of a source, from stored rows and from changes without one."""
    more = np.zeros(len(only_changed), rows.dtype)
    for name, values in zip(
        ("galimage_id", "mjd", "flux", "flux_err"), zip(*only_changed, strict=True), strict=False
    ):
        more[name] = values
    more["limit_mag"] = np.nan
    if only_changed:
        more["bjd_tdb"] = barycentric_times(more["mjd"], source.ra, source.dec)
    both = np.concatenate([rows, more])
    order = np.argsort(both["mjd"], kind="stable")
    both, is_kept = both[order], (np.arange(len(both)) < len(rows))[order]
    return NonDetections(
        **{name: both[name] for name in MISSED},
        image_id=both["galimage_id"],
        is_variable=_are_in(variable, source.refsource_id, both["galimage_id"]),
        is_kept=is_kept,
    )


def _are_in(variable, key, image_ids):
    return np.array([(key, i) in variable for i in image_ids.tolist()], bool)


HEADINGS = (
    *("refsource_id", "filter", "ra", "dec", "distance_arcsec", "galimage_id", "mjd", "bjd_tdb"),
    *("kind", "mag", "mag_err", "limit_mag", "flux", "flux_err", "rchi2", "flags"),
    *("is_reference", "is_variable", "trend_mag", "mag_cal", "mag_cal_err", "mag_cal_by"),
)
# Of the measurement, without what is of its star.
MAG = HEADINGS.index("mag") - HEADINGS.index("galimage_id")
DIGITS = 4  # after the decimal point of calibrated magnitudes


def light_curve_rows(curves):
    """Light curves as a table: column names, then a tuple for each measurement by time.

    The kind says whether it is a detection, a non-detection with an upper limit, or unmeasured,
    where too few pixels were usable to tell. ``trend_mag`` was taken off the magnitude; None of one
    as measured. ``mag_cal`` is in a published band, and uncertain by ``mag_cal_err`` at all times
    alike; None where the reference has no absolute zero point.
    """
    yield HEADINGS
    offsets = absolute_offsets([c.refsource_id for c in curves])
    for c in curves:
        star = (c.refsource_id, c.filter, c.ra, c.dec, c.distance_arcsec)
        offset = offsets.get(c.refsource_id)
        for row in sorted([*_detected(c), *_missed(c)], key=itemgetter(1)):
            yield (*star, *row, *_calibrated(row[MAG], offset))


def _calibrated(mag, offset):
    """A calibrated magnitude, the error of its zero point and what it is by."""
    if mag is None or offset is None:
        return None, None, None
    return round(float(mag) + offset.mag, DIGITS), round(offset.error, DIGITS), offset.source


def _detected(c):
    # Not tolist(), which would show the digits of single precision as double.
    names = ("rchi2", "flags", "is_reference", "is_variable")
    columns = [c.image_id, c.mjd, c.bjd_tdb, c.mag, c.mag_err, c.flux, c.flux_err]
    columns += [getattr(c, name) for name in names]
    columns += [[None if np.isnan(trend) else trend for trend in c.trend_mag]]
    for image_id, mjd, bjd_tdb, mag, mag_err, *rest in zip(*columns, strict=True):
        yield (image_id, mjd, bjd_tdb, EpochKind.DETECTION.value, mag, mag_err, None, *rest)


def _missed(c):
    m = c.missed
    columns = (m.image_id, m.mjd, m.bjd_tdb, m.limit_mag, m.flux, m.flux_err, m.flags)
    columns = (*columns, m.is_variable)
    for image_id, mjd, bjd_tdb, limit, flux, flux_err, flags, gone in zip(
        *(column[m.is_kept] for column in columns), strict=True
    ):
        kind = EpochKind.UNMEASURED if np.isnan(limit) else EpochKind.NON_DETECTION
        light = (None, None, limit, flux, flux_err, None)
        yield (image_id, mjd, bjd_tdb, kind.value, *light, flags, False, gone, None)


def plot_light_curves(curves, path):
    """Draw light curves to a file, a panel for each filter, brighter up."""
    filters = sorted({c.filter for c in curves}, key=wavelength_order)
    figure = Figure(figsize=(9, 1.2 + 2.7 * len(filters)), layout="constrained")
    axes = figure.subplots(len(filters), 1, sharex=True, squeeze=False)[:, 0]
    start = _whole_days(curves)
    for ax, name in zip(axes, filters, strict=True):
        _draw_panel(ax, name, [c for c in curves if c.filter == name], start)
    figure.align_ylabels(axes)
    axes[-1].set_xlabel(f"MJD (UTC) − {start:d} (days)")
    figure.suptitle(_title(curves), fontsize=12)
    figure.savefig(path, dpi=130)


def wavelength_order(name):
    """A sort key of filters by wavelength, unknown ones last."""
    known = list(FILTER_COLOURS)
    return (known.index(name) if name in known else len(known), name)


def _whole_days(curves):
    """The offset subtracted from the MJD so that the axis has few digits."""
    times = np.concatenate([mjd for c in curves for mjd in (c.mjd, c.missed.mjd)])
    first, last = times.min(), times.max()
    return int(first) if last - first < 100 else int(first // 1000) * 1000


def _title(curves):
    without = "   detrended" if any(curve.is_detrended for curve in curves) else ""
    return f"RA {curves[0].ra:.5f}°   Dec {curves[0].dec:+.5f}°{without}"


def _draw_panel(ax, name, curves, start):
    """Draw one filter: the nearest source in the filter's colour, its neighbours paler."""
    colour = FILTER_COLOURS.get(name, OTHER_COLOUR)
    for rank, curve in enumerate(curves):
        _draw_curve(ax, curve, start, colour, rank)
    _mark_epochs(ax, curves[0], start, colour)
    ax.invert_yaxis()  # brighter up
    ax.margins(x=0.03, y=0.12)
    ax.set_ylabel(f"{name} (mag)")
    ax.ticklabel_format(useOffset=False)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    # To the right of the panel, where no measurement can be.
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8)


def _draw_curve(ax, curve, start, colour, rank):
    label = f"source {curve.refsource_id}\nat {curve.distance_arcsec:.2f}″"
    ax.errorbar(
        curve.mjd - start,
        curve.mag,
        curve.mag_err,
        fmt="o",
        markersize=4,
        elinewidth=0.9,
        color=colour,
        alpha=1.0 if rank == 0 else 0.35,
        zorder=2.5 if rank == 0 else 2,
        label=label if rank < MAX_LABELS else None,
    )


def _mark_epochs(ax, curve, start, colour):
    """Mark the reference epoch, changes, and epochs without a detection."""
    days = curve.mjd - start
    hollow = {"linestyle": "none", "markerfacecolor": "none", "zorder": 3}
    for is_marked, marker, size, edge, label in (
        (curve.is_reference, "s", 10, "0.25", "reference"),
        (curve.is_variable, "o", 9, VARIABLE, "variable"),
    ):
        if is_marked.any():
            style = {"marker": marker, "markersize": size, "color": edge, "markeredgewidth": 1.4}
            ax.plot(days[is_marked], curve.mag[is_marked], label=label, **style, **hollow)
    _mark_limits(ax, curve.missed, start, colour)


def _mark_limits(ax, missed, start, colour):
    """Draw arrows at upper limits, or at the bottom where no limit was stored."""
    for chosen, edge, fill, label in (
        (~missed.is_variable, colour, "none", "upper limit"),
        (missed.is_variable, VARIABLE, colour, "vanished"),
    ):
        style = {"marker": "v", "markersize": 8, "color": edge, "linestyle": "none"}
        style |= {"markeredgewidth": 1.3, "markerfacecolor": fill, "zorder": 3}
        limited = chosen & np.isfinite(missed.limit_mag)
        if limited.any():
            ax.plot(missed.mjd[limited] - start, missed.limit_mag[limited], label=label, **style)
        unlimited = chosen & missed.is_variable & ~limited
        if unlimited.any():
            at_the_bottom = ax.get_xaxis_transform()  # y is a share of the panel's height
            y = np.full(unlimited.sum(), 0.06)
            style |= {"transform": at_the_bottom, "label": None if limited.any() else label}
            ax.plot(missed.mjd[unlimited] - start, y, **style)
