"""Light curves of what lies at a position, in all filters, and pictures of them."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from photometry.light_curves import light_curves
from photometry.models import GalSource
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
MAX_LABELS = 6  # sources of one filter that are named beside the panel


@dataclass(frozen=True)
class LightCurve:
    """All measurements of one reference source; arrays (n_epochs,), oldest first."""

    refsource_id: int
    filter: str
    ra: float  # ICRS degrees
    dec: float
    distance_arcsec: float  # from the position asked for
    mjd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray
    rchi2: np.ndarray
    flags: np.ndarray  # mask bits
    is_reference: np.ndarray  # measured on the reference image
    is_variable: np.ndarray  # a galvarobj that passes its cuts
    image_id: np.ndarray
    vanished_mjd: np.ndarray  # (m,) believed epochs without a positive flux, so without a row

    def __len__(self):
        return len(self.mjd)

    @property
    def median_mag(self) -> float:
        return float(np.median(self.mag))


COLUMNS = ("mag", "mag_err", "flux", "flux_err", "rchi2", "flags", "is_reference")
MEASURED = ("mjd", *COLUMNS)


def light_curves_at(ra, dec, radius_arcsec) -> list[LightCurve]:
    """Light curves of all reference sources near a position in degrees, nearest first."""
    sources = list(GalSource.objects.cone(ra, dec, radius_arcsec))
    ids = [source.refsource_id for source in sources]
    measured = light_curves(ids, ("galimage_id", *COLUMNS))
    variable, vanished = _changes(ids)
    return [
        _light_curve(source, measured[own], variable, vanished[source.refsource_id])
        for source, own in zip(sources, _places(measured["refsource_id"], ids), strict=True)
    ]


def _places(sorted_ids, ids):
    """Where each of ``ids`` is among rows in their order, as slices."""
    first, end = (np.searchsorted(sorted_ids, ids, side) for side in ("left", "right"))
    return [slice(*places) for places in zip(first, end, strict=True)]


def _changes(ids):
    """Believed changes: {(refsource_id, image_id)} of all, {refsource_id: [mjd]} of vanished."""
    variable, vanished = set(), defaultdict(list)
    changes = GalVarObj.objects.believed().filter(refsource_id__in=ids)
    for source_id, image_id, mjd, kind in changes.order_by("image__exposure__mjd").values_list(
        "refsource_id", "image_id", "image__exposure__mjd", "kind"
    ):
        variable.add((source_id, image_id))
        if kind == GalVarObj.Kind.VANISHED:
            vanished[source_id].append(mjd)
    return variable, vanished


def _light_curve(source, rows, variable, vanished_mjd):
    key, image_ids = source.refsource_id, rows["galimage_id"]
    return LightCurve(
        refsource_id=key,
        filter=source.filter,
        ra=source.ra,
        dec=source.dec,
        distance_arcsec=source.distance_arcsec,
        image_id=image_ids,
        is_variable=np.array([(key, i) in variable for i in image_ids.tolist()]),
        # A flux that is barely positive may have a row and be called vanished all the same.
        vanished_mjd=np.setdiff1d(vanished_mjd, rows["mjd"]),
        **{name: rows[name] for name in MEASURED},
    )


def light_curve_rows(curves):
    """A table of light curves: the column names, then a tuple for each measurement."""
    yield (
        *("refsource_id", "filter", "ra", "dec", "distance_arcsec", "galimage_id"),
        *(*MEASURED, "is_variable"),
    )
    for c in curves:
        # Not tolist(), which would show the digits of single precision as double.
        columns = [getattr(c, name) for name in ("image_id", *MEASURED, "is_variable")]
        for row in zip(*columns, strict=True):
            yield (c.refsource_id, c.filter, c.ra, c.dec, c.distance_arcsec, *row)


def plot_light_curves(curves, path):
    """Draw light curves to a file, a panel for each filter, brighter up."""
    filters = sorted({c.filter for c in curves}, key=wavelength_order)
    figure = Figure(figsize=(9, 1.2 + 2.7 * len(filters)), layout="constrained")
    axes = figure.subplots(len(filters), 1, sharex=True, squeeze=False)[:, 0]
    start = _whole_days(curves)
    for ax, name in zip(axes, filters, strict=True):
        _draw_panel(ax, name, [c for c in curves if c.filter == name], start)
    figure.align_ylabels(axes)
    axes[-1].set_xlabel(f"MJD − {start:d} (days)")
    figure.suptitle(_title(curves[0]), fontsize=12)
    figure.savefig(path, dpi=130)


def wavelength_order(name):
    """A key that sorts filters by wavelength, those that are not known last."""
    known = list(FILTER_COLOURS)
    return (known.index(name) if name in known else len(known), name)


def _whole_days(curves):
    """Days to take from the MJD, so that few digits are left on the axis."""
    first = min(c.mjd[0] for c in curves)
    last = max(c.mjd[-1] for c in curves)
    return int(first) if last - first < 100 else int(first // 1000) * 1000


def _title(curve):
    return f"RA {curve.ra:.5f}°   Dec {curve.dec:+.5f}°"


def _draw_panel(ax, name, curves, start):
    """One filter: the nearest source in the filter's colour, its neighbours paler."""
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
    """The reference's epoch, those at which it is a variable, and those without any light."""
    days = curve.mjd - start
    hollow = {"linestyle": "none", "markerfacecolor": "none", "zorder": 3}
    for is_marked, marker, size, edge, label in (
        (curve.is_reference, "s", 10, "0.25", "reference"),
        (curve.is_variable, "o", 9, "#d9820f", "variable"),
    ):
        if is_marked.any():
            style = {"marker": marker, "markersize": size, "color": edge, "markeredgewidth": 1.4}
            ax.plot(days[is_marked], curve.mag[is_marked], label=label, **style, **hollow)
    if len(curve.vanished_mjd):
        at_the_bottom = ax.get_xaxis_transform()  # y is a share of the panel's height
        style = {"marker": "v", "markersize": 7, "color": colour, "linestyle": "none"}
        y = np.full(len(curve.vanished_mjd), 0.04)
        ax.plot(curve.vanished_mjd - start, y, transform=at_the_bottom, label="vanished", **style)
