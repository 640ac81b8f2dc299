"""A processed series of one field as arrays: scatter, pulls, and what changed again and again."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scratch  # noqa: F401 - which sets Django up
from astropy.stats import mad_std
from astropy.table import Table
from django.db.models import Count
from scipy.spatial import cKDTree
from scipy.stats import spearmanr

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from photometry.models import GalReference
from photometry.reduction.errors import expected_flux
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.scatter import MEDIAN_ERROR
from photometry.storage.columns import SOURCE_DTYPE, source_dtype
from photometry.storage.image_calibration import ImageCalibration
from variables.models import GalVarObj
from variables.science.selection import SelectionOptions

MEASURED = ("refsource_id", "galimage_id", "x", "y", "mag", "mag_err", "flux", "flux_err", "rchi2")
MEASURED += ("fracflux", "quality", "flags")
OF_REFERENCE = ("galimage_id", "x", "y", "mag", "mag_err", "fracflux", "flags")
SELECTION = SelectionOptions()
MIN_SIGNIFICANCE = 5.0  # median over the frames, by errors of the fit
MIN_FRAMES = 0.5  # of all, on which a star was measured well
N_BRIGHT = 100  # stars, the brightest of these
MIN_PULLS = 200  # measurements in a bin that tell something
CROWDING = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0])  # edges of bins of fracflux
REPEATED = 3  # accepted changes
MUCH_BRIGHTER_MAG = 2.5


def read_measurements() -> Table:
    """All measurements of reference sources on search images, with the reference's own values.

    The columns are those of galsources, ``reference_*`` those of the source on the reference
    image, ``frame`` the file's stem, ``mjd`` and ``seeing`` (FWHM, pixels) those of the frame.
    ``ratio`` is the flux over that on the reference, and ``ratio_err`` its error but for the
    reference's own. Stars that have no positive flux on a frame are among them, without magnitude.
    """
    rows = np.concatenate([_rows_of("galsources"), _rows_of("galnondetections")])
    rows = rows[np.lexsort((rows["galimage_id"], rows["refsource_id"]))]
    table = Table(rows)
    identifiers, index = np.unique(rows["galimage_id"], return_inverse=True)
    images = GalImage.objects.searches().done().select_related("exposure").in_bulk()
    found = [images[i] for i in identifiers.tolist()]
    for name, values in (
        ("frame", [image.exposure.identifier for image in found]),
        ("mjd", [image.exposure.mjd for image in found]),
        ("seeing", [image.fwhm_pixels for image in found]),
    ):
        table[name] = np.array(values)[index]
    ratio = np.full((2, len(rows)), np.nan)
    for number, image in enumerate(found):
        of_image = index == number
        ratio[:, of_image] = _ratios(image, rows[of_image])
    table["ratio"], table["ratio_err"] = ratio
    return table


def _rows_of(table: str) -> np.ndarray:
    columns = [*(f"s.{name}" for name in MEASURED), *(f"r.{name}" for name in OF_REFERENCE)]
    dtype = np.dtype(
        [(name, SOURCE_DTYPE[name]) for name in MEASURED]
        + [(f"reference_{name}", SOURCE_DTYPE[name]) for name in OF_REFERENCE]
    )
    return copy_out(
        f"SELECT {', '.join(columns)} FROM {table} s JOIN galsources r USING (refsource_id) "
        "WHERE r.is_reference AND NOT s.is_reference",
        dtype,
    )


def _ratios(image, rows):
    """(2, n) fluxes of an image's rows over those on the reference, and their errors."""
    sources = np.empty(len(rows), source_dtype(OF_REFERENCE))
    for name in OF_REFERENCE:
        sources[name] = rows[f"reference_{name}"]
    mag = rows["reference_mag"].astype("f8")
    calibration = ImageCalibration.stored(image)
    expected = expected_flux(mag, calibration.zero_points(rows, sources))
    return rows["flux"] / expected, calibration.flux_errors(rows, sources, mag) / expected


@dataclass(frozen=True)
class Bin:
    """Stars of similar magnitude or crowding; mmag, and pulls in sigma (see ``Curves``)."""

    low: float
    high: float
    n_stars: int
    n_measurements: int
    scatter: float  # median over the stars of the robust scatter over the frames
    saved: float  # median error of the measurements
    pull: float  # against the star's own median
    reference_pull: float  # against the reference


@dataclass(frozen=True)
class Curves:
    """Good measurements, a row for each star and a column for each frame; NaN where there is none.

    Good are measurements without a flag on the frame or on the reference, with enough usable
    pixels; kept are stars of MIN_SIGNIFICANCE that have them on MIN_FRAMES of the frames. Two
    pulls are told, each as the robust sigma of all its measurements, of fluxes as changes are
    tested: magnitudes of faint stars are no longer Gaussian, and without those of no positive flux
    they are cut.

    - (flux - median of the star) / error: of the search images alone. The n frames pull
      their own median along, so that it is divided by sqrt(1 - 0.43 / n): of n equal Gaussian
      errors the covariance of one with the median is 1 / n, the median's variance pi / (2 n).
      And by 1 - 1 / n, as one of n, or two by half, are the median: the robust sigma of Gaussian
      errors is 0.93 with 15 frames and 0.98 with 58.
    - (flux - reference's flux) / hypot(both errors): what selects changes. The reference's
      error is the same on all frames of a star.
    """

    refsource_id: np.ndarray  # (n_stars,)
    mag: np.ndarray  # (n_stars, n_frames)
    mag_err: np.ndarray  # (n_stars, n_frames)
    ratio: np.ndarray  # (n_stars, n_frames) flux over that on the reference
    ratio_err: np.ndarray  # (n_stars, n_frames) but for the reference's own error
    reference_mag: np.ndarray  # (n_stars,)
    reference_mag_err: np.ndarray  # (n_stars,)
    fracflux: np.ndarray  # (n_stars,) on the reference

    @classmethod
    def of(cls, table: Table) -> "Curves":
        good = (table["flags"] == 0) & (table["reference_flags"] == 0)
        good &= table["quality"] >= SELECTION.min_quality
        good &= np.isfinite(table["ratio"]) & np.isfinite(table["ratio_err"])
        table = table[good]
        stars, first, row = np.unique(table["refsource_id"], return_index=True, return_inverse=True)
        frames, column = np.unique(table["frame"], return_inverse=True)

        def spread(values):
            matrix = np.full((len(stars), len(frames)), np.nan)
            matrix[row, column] = values
            return matrix

        mag = spread(table["mag"])
        ratio = spread(table["ratio"])
        often = np.isfinite(ratio).sum(axis=1) >= max(2, MIN_FRAMES * len(frames))
        significance = spread(table["flux"] / table["flux_err"])[often]
        kept = np.flatnonzero(often)[np.nanmedian(significance, axis=1) >= MIN_SIGNIFICANCE]
        of_star = {
            name: np.array(table[f"reference_{name}"], float)[first[kept]]
            for name in ("mag", "mag_err", "fracflux")
        }
        return cls(
            refsource_id=np.array(stars)[kept],
            mag=mag[kept],
            mag_err=spread(table["mag_err"])[kept],
            ratio=ratio[kept],
            ratio_err=spread(table["ratio_err"])[kept],
            reference_mag=of_star["mag"],
            reference_mag_err=of_star["mag_err"],
            fracflux=of_star["fracflux"],
        )

    @cached_property
    def n_frames(self) -> np.ndarray:
        """(n_stars,) good measurements of each star."""
        return np.isfinite(self.ratio).sum(axis=1)

    @cached_property
    def scatter(self) -> np.ndarray:
        """(n_stars,) robust sigma of each star over the frames, mag.

        Freed of the bias of few frames (Croux & Rousseeuw 1992).
        """
        return mad_std(self.mag, axis=1, ignore_nan=True) / (1 - 0.8 / self.n_frames)

    @cached_property
    def pulls(self) -> np.ndarray:
        """(n_stars, n_frames) against each star's own median."""
        shrunk = np.sqrt(1 + (MEDIAN_ERROR**2 - 2) / self.n_frames) * (1 - 1 / self.n_frames)
        deviation = self.ratio - np.nanmedian(self.ratio, axis=1, keepdims=True)
        return deviation / self.ratio_err / shrunk[:, None]

    @cached_property
    def reference_errors(self) -> np.ndarray:
        """(n_stars, n_frames) saved errors of the differences to the reference, mag."""
        return np.hypot(self.mag_err, self.reference_mag_err[:, None])

    @cached_property
    def reference_pulls(self) -> np.ndarray:
        """(n_stars, n_frames) against the reference."""
        own = self.reference_mag_err[:, None] / MAG_PER_LN
        return (self.ratio - 1) / np.hypot(self.ratio_err, own)

    def by_magnitude(self) -> list[Bin]:
        """Bins of one magnitude on the reference."""
        edges = np.arange(np.floor(self.reference_mag.min()), self.reference_mag.max() + 1)
        return self._bins(self.reference_mag, edges)

    def by_crowding(self) -> list[Bin]:
        """Bins of fracflux on the reference: the share of light that is the star's own."""
        return self._bins(self.fracflux, CROWDING)

    def _bins(self, values, edges):
        which = np.clip(np.digitize(values, edges), 1, len(edges) - 1)
        return [
            self._bin(low, high, np.flatnonzero(which == number))
            for number, (low, high) in enumerate(pairwise(edges), 1)
            if np.any(which == number)
        ]

    def _bin(self, low, high, stars):
        return Bin(
            low=float(low),
            high=float(high),
            n_stars=len(stars),
            n_measurements=int(self.n_frames[stars].sum()),
            scatter=1000 * float(np.median(self.scatter[stars])),
            saved=1000 * float(np.nanmedian(self.mag_err[stars])),
            pull=_robust_sigma(self.pulls[stars]),
            reference_pull=_robust_sigma(self.reference_pulls[stars]),
        )

    def figures(self) -> dict:
        """The extremes of the pulls over all bins, and what holds of the bright stars."""
        bins = [
            b for b in self.by_magnitude() + self.by_crowding() if b.n_measurements >= MIN_PULLS
        ]
        pulls, own = [b.reference_pull for b in bins], [b.pull for b in bins]
        bright = np.argsort(self.reference_mag)[:N_BRIGHT]
        error = float(np.nanmedian(self.reference_errors[bright]))
        return {
            "pull_min": round(min(pulls), 3),
            "pull_max": round(max(pulls), 3),
            "own_pull_min": round(min(own), 3),
            "own_pull_max": round(max(own), 3),
            "bright_scatter_mmag": round(1000 * float(np.median(self.scatter[bright])), 2),
            "bright_saved_error_mmag": round(1000 * float(np.nanmedian(self.mag_err[bright])), 2),
            "smallest_change_mag": round(SELECTION.threshold_sigma * error, 3),
        }


def _robust_sigma(values):
    return float(mad_std(values, ignore_nan=True))


def bin_lines(title: str, bins: list[Bin]):
    """A table of bins as text."""
    yield f"{title:>12} {'stars':>6} {'measured':>9} {'scatter':>8} {'saved':>7} {'pull':>6} (ref)"
    for b in bins:
        yield (
            f"{b.low:5.1f} - {b.high:4.1f} {b.n_stars:6d} {b.n_measurements:9d} "
            f"{b.scatter:8.1f} {b.saved:7.1f} {b.pull:6.2f} {b.reference_pull:5.2f}"
        )


@dataclass(frozen=True)
class RepeatedChange:
    """A source with several accepted changes, and what may have made them."""

    refsource_id: int
    x: float  # on the reference, pixels
    y: float
    mag: float
    n_changes: int
    n_brighter: int  # of the changes
    distance: float  # to the nearest much brighter star, pixels; NaN: none
    brighter_by: float  # that star, mag
    flags: int  # of that star on the reference
    scatter_mag: float  # robust, over the frames
    seeing_correlation: float  # Spearman's, of magnitude and seeing

    def line(self) -> str:
        return (
            f"  {self.refsource_id}  x {self.x:5.1f} y {self.y:5.1f}  mag {self.mag:5.2f}  "
            f"{self.n_changes:3d} changes, {self.n_brighter:3d} brighter;  "
            f"{self.distance:4.1f} px from a star brighter by {self.brighter_by:4.1f} mag "
            f"(flags {self.flags});  scatter {self.scatter_mag:.3f} mag, "
            f"with the seeing {self.seeing_correlation:+.2f}"
        )


def repeated_changes(table: Table) -> list[RepeatedChange]:
    """Sources with REPEATED accepted changes, those with most of them first."""
    accepted = GalVarObj.objects.accepted().of_reference()
    counted = accepted.values_list("refsource_id").annotate(n=Count("image")).order_by("-n")
    brighter = dict(
        accepted.filter(kind=GalVarObj.Kind.BRIGHTER)
        .values_list("refsource_id")
        .annotate(n=Count("image"))
    )
    stars = reference_stars()
    return [
        _repeated_change(table, stars, source, (n, brighter.get(source, 0)))
        for source, n in counted
        if n >= REPEATED
    ]


def reference_stars() -> np.ndarray:
    """All sources of the reference, those that are saturated too."""
    names = ("refsource_id", "x", "y", "mag", "fracflux", "flags")
    first, last = GalReference.objects.get(active=True).reference_id_range
    query = (
        f"SELECT {', '.join(names)} FROM galsources "
        f"WHERE is_reference AND refsource_id BETWEEN {first} AND {last}"
    )
    return copy_out(query, np.dtype([(name, SOURCE_DTYPE[name]) for name in names]))


def _repeated_change(table, stars, source, counts):
    own = stars[stars["refsource_id"] == source][0]
    rows = table[table["refsource_id"] == source]
    distance, neighbour = _nearest_much_brighter(stars, own)
    return RepeatedChange(
        refsource_id=source,
        x=float(own["x"]),
        y=float(own["y"]),
        mag=float(own["mag"]),
        n_changes=counts[0],
        n_brighter=counts[1],
        distance=distance,
        brighter_by=np.nan if neighbour is None else float(own["mag"] - neighbour["mag"]),
        flags=0 if neighbour is None else int(neighbour["flags"]),
        scatter_mag=float(mad_std(rows["mag"], ignore_nan=True)),
        seeing_correlation=float(spearmanr(rows["mag"], rows["seeing"]).statistic),
    )


def _nearest_much_brighter(stars, own):
    """Distance in pixels and row of the nearest star brighter by MUCH_BRIGHTER_MAG."""
    brighter = stars[stars["mag"] < own["mag"] - MUCH_BRIGHTER_MAG]
    if not len(brighter):
        return np.nan, None
    tree = cKDTree(np.column_stack([brighter["x"], brighter["y"]]))
    distance, index = tree.query([own["x"], own["y"]])
    return float(distance), brighter[index]
