"""Comparison of results with the truth of a simulated night."""

from dataclasses import asdict, dataclass

import numpy as np
from astropy.stats import mad_std
from django.db.models import Count
from scipy.spatial import cKDTree

from exposures.models import GalImage, Status
from exposures.science.angles import tangent_offsets
from exposures.science.footprints import unit_vectors
from exposures.science.motion import separation_degrees
from exposures.simulation.stars import DARK_MAG, VANISHING
from photometry.models import GalSource
from photometry.science.calibration.calibration import Correction
from variables.models import GalNewSource, GalVarObj

# A source is that of the brightest true star within this radius, if any: in a crowd the nearest
# one may be a faint neighbour of the star that was measured.
MATCH_PIXELS = 1.5
# A change next to a star that varies is real, one next to an artifact is the artifact's.
INFLUENCE_PIXELS = 12.0
VANISHED_SIGNAL = 30.0  # S/N on the reference of stars whose vanishing has to be found
SAME_MAG = 0.1  # a source as bright as its star, the flat field's error allowed for


@dataclass(frozen=True)
class Recovery:
    """The figures of merit of a night; NaN where nothing could be measured."""

    n_measurements: int  # of reference sources on search images
    n_expected: int  # measurements of injected variables that changed by 20 saved sigmas or more
    n_found: int  # of those, selected
    n_false: int  # selected, with no true change nearby; reference artifacts aside
    n_artifact: int  # selected, at an artifact of the reference
    pull_mad: float  # MAD-based sigma of constant stars' differences over their saved errors
    n_vanished: int  # stars of S/N 30 and more on the reference with no light on a search image
    n_vanished_found: int  # of those, selected
    flat_rms_mag: float  # of the chip-wide correction against the truth
    astrometry_mas: float  # of bright sources on the reference, rms of one axis
    registration_mas: float  # of bright sources' forced positions on search images

    @property
    def completeness(self) -> float:
        return self.n_found / self.n_expected if self.n_expected else np.nan

    @property
    def vanished_found(self) -> float:
        return self.n_vanished_found / self.n_vanished if self.n_vanished else np.nan

    @property
    def false_per_10k(self) -> float:
        return 1e4 * self.n_false / self.n_measurements if self.n_measurements else np.nan

    def as_dict(self) -> dict:
        """All figures, derived ones included."""
        derived = {
            "completeness": self.completeness,
            "vanished_found": self.vanished_found,
            "false_per_10k": self.false_per_10k,
        }
        return {**asdict(self), **derived}


def assess(truth) -> Recovery:
    """Compare what is in the database with a Truth, over the images of its exposures."""
    parts = [_assess_image(truth, image) for image in _searches(truth)]
    astrometry = [_reference_offsets(truth, image) for image in _references(truth)]
    concatenated = {name: _concatenate(part[name] for part in parts) for name in _PER_MEASUREMENT}
    expected, found = concatenated["expected"].astype(bool), concatenated["found"].astype(bool)
    return Recovery(
        n_measurements=len(concatenated["pull"]),
        n_expected=int(expected.sum()),
        n_found=int((expected & found).sum()),
        n_false=sum(part["n_false"] for part in parts),
        n_artifact=sum(part["n_artifact"] for part in parts),
        pull_mad=_spread(concatenated["pull"][concatenated["constant"].astype(bool)]),
        n_vanished=sum(part["n_vanished"] for part in parts),
        n_vanished_found=sum(part["n_vanished_found"] for part in parts),
        flat_rms_mag=_rms(concatenated["flat"]),
        astrometry_mas=_rms(_concatenate(astrometry)),
        registration_mas=_rms(concatenated["registration"]),
    )


_PER_MEASUREMENT = ("pull", "constant", "expected", "found", "flat", "registration")


def _concatenate(arrays):
    arrays = list(arrays)
    return np.concatenate(arrays) if arrays else np.zeros(0)


def _rms(values):
    values = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan


def _spread(values):
    values = values[np.isfinite(values)]
    return float(mad_std(values)) if len(values) else np.nan


def _images(truth):
    identifiers = [str(n) for n in truth.exposures["expnum"]]
    images = GalImage.objects.filter(
        exposure__instrument="decam", exposure__identifier__in=identifiers, status=Status.DONE
    )
    return images.select_related("exposure").order_by("exposure__mjd", "ccdnum")


def _searches(truth):
    return _images(truth).searches().select_related("reference__exposure")


def _references(truth):
    return _images(truth).references()


def _expnum(image):
    return int(image.exposure.identifier)


_COLUMNS = ("refsource_id", "ra", "dec", "x", "y", "flux", "flux_err", "mag", "mag_err", "flags")


def _rows(image):
    """Measurements of reference sources on an image by column, in the order of sources."""
    rows = GalSource.objects.measured_on(image).order_by("refsource_id")
    rows = rows.exclude(refsource_id__in=GalNewSource.objects.values("pk"))
    table = np.array(list(rows.values_list(*_COLUMNS)), dtype=float).reshape(-1, len(_COLUMNS))
    columns = dict(zip(_COLUMNS, table.T, strict=True))
    return {**columns, "refsource_id": columns["refsource_id"].astype("i8")}


class _TrueStars:
    """The true stars on one chip of one exposure, found by position in pixels."""

    def __init__(self, truth, image):
        self.index, self.x, self.y = truth.star_pixels(_expnum(image), image.ccdnum)
        self.mag = truth.magnitudes(_expnum(image))[self.index]
        kind = truth.stars["kind"][self.index]
        self.varies, self.is_vanishing = kind != "constant", kind == VANISHING
        self.tree = cKDTree(np.column_stack([self.x, self.y]))

    def brightest_near(self, x, y):
        """(n,) positions in the lists of the brightest star within the radius; -1 for none."""
        near = self.tree.query_ball_point(np.column_stack([x, y]), MATCH_PIXELS)
        return np.array([min(n, key=lambda i: self.mag[i]) if n else -1 for n in near], int)

    def variable_near(self, x, y, radius):
        """(n,) True where a variable star lies within ``radius`` pixels."""
        if not self.varies.any():
            return np.zeros(len(x), bool)
        tree = cKDTree(np.column_stack([self.x, self.y])[self.varies])
        distance, _ = tree.query(np.column_stack([x, y]))
        return distance < radius


def _reference_offsets(truth, image):
    """Offsets of bright, whole sources from their true stars in mas, both axes in one list."""
    rows, stars = _rows(image), _TrueStars(truth, image)
    star = stars.brightest_near(rows["x"], rows["y"])
    good = (star >= 0) & (rows["flux"] > 100 * rows["flux_err"]) & (rows["flags"] == 0)
    # What is not as bright as its star is a blend, or has an artifact on it: not a displaced star.
    flat = truth.flat(_expnum(image), image.ccdnum, rows["x"], rows["y"])
    excess = rows["mag"] - stars.mag[star] - flat
    good &= np.abs(excess - np.median(excess[good])) < SAME_MAG
    true_ra, true_dec = truth.positions(_expnum(image))
    true_ra, true_dec = true_ra[stars.index[star]], true_dec[stars.index[star]]
    east, north = tangent_offsets(rows["ra"], rows["dec"], true_ra, true_dec)
    return 3.6e6 * np.concatenate([east[good], north[good]])


def _assess_image(truth, image):
    rows, stars = _rows(image), _TrueStars(truth, image)
    reference = _reference_rows(rows["refsource_id"])
    star = stars.brightest_near(rows["x"], rows["y"])
    matched = star >= 0
    change = _true_change(truth, image, stars, star)
    error = np.hypot(rows["mag_err"], reference["mag_err"])
    artifact = _near_artifact(truth, image, rows)
    variable = stars.variable_near(rows["x"], rows["y"], INFLUENCE_PIXELS)
    selected = np.isin(rows["refsource_id"], _selected(image))
    bright = matched & (rows["flux"] > 100 * rows["flux_err"]) & (rows["flags"] == 0)
    vanished = _vanished(truth, image, stars)
    return {
        "n_vanished": len(vanished),
        "n_vanished_found": int(np.isin(vanished, _selected(image)).sum()),
        "pull": (rows["mag"] - reference["mag"]) / error,
        "constant": matched & ~variable & ~artifact,
        "expected": matched & (np.abs(change) > 20 * error) & ~artifact,
        "found": selected,
        "flat": _correction_error(truth, image, rows, reference),
        "registration": _forced_offsets(stars, star, rows, bright, image),
        "n_false": int((selected & ~variable & ~artifact).sum()),
        "n_artifact": int((selected & ~variable & artifact).sum()),
    }


def _vanished(truth, image, stars):
    """Ids of reference sources of VANISHED_SIGNAL whose star is on the image, without light."""
    rows = _rows(image.reference)
    own = _TrueStars(truth, image.reference)
    star = own.brightest_near(rows["x"], rows["y"])
    gone = stars.index[stars.is_vanishing & (stars.mag > DARK_MAG)]
    significant = (rows["flux"] > VANISHED_SIGNAL * rows["flux_err"]) & (rows["flags"] == 0)
    # Where another star's light is most of the source's, that star is the brightest.
    return rows["refsource_id"][(star >= 0) & significant & np.isin(own.index[star], gone)]


def _reference_rows(refsource_ids):
    """The sources' own rows on their references, in the order given."""
    names = ("refsource_id", "galimage_id", "x", "y", "mag", "mag_err")
    found = GalSource.objects.filter(refsource_id__in=refsource_ids.tolist(), is_reference=True)
    table = np.array(list(found.order_by("refsource_id").values_list(*names)), dtype=float)
    columns = dict(zip(names, table.reshape(-1, len(names)).T, strict=True))
    order = np.searchsorted(columns["refsource_id"], refsource_ids)
    return {name: values[order] for name, values in columns.items()}


def _selected(image):
    return list(
        GalVarObj.objects.accepted().filter(image=image).values_list("refsource_id", flat=True)
    )


def _true_change(truth, image, stars, star):
    reference = truth.magnitudes(_expnum(image.reference))[stars.index]
    return (stars.mag - reference)[star]


def _near_artifact(truth, image, rows):
    """(n,) True for sources near an artifact of the reference, on the sky."""
    ra, dec = np.asarray(truth.artifacts["ra"]), np.asarray(truth.artifacts["dec"])
    if len(ra) == 0:
        return np.zeros(len(rows["ra"]), bool)
    tree = cKDTree(unit_vectors(np.column_stack([ra, dec])))
    distance, _ = tree.query(unit_vectors(np.column_stack([rows["ra"], rows["dec"]])))
    return np.degrees(distance) * 3600 < INFLUENCE_PIXELS * image.fwhm_arcsec / image.fwhm_pixels


def _correction_error(truth, image, rows, reference):
    """Correction applied at each source, less the true difference of the two flat fields.

    The constant is left out: it is the difference of the two zero points.
    """
    stored = Correction.from_json(image.correction, (image.height, image.width))
    applied = stored.at(rows["x"], rows["y"], reference["galimage_id"], reference["x"])
    needed = np.full(len(applied), np.nan)
    for own in _references(truth).filter(pk__in=np.unique(reference["galimage_id"]).tolist()):
        mine = reference["galimage_id"] == own.pk
        at_reference = truth.flat(
            _expnum(own), own.ccdnum, reference["x"][mine], reference["y"][mine]
        )
        here = truth.flat(_expnum(image), image.ccdnum, rows["x"][mine], rows["y"][mine])
        difference = applied[mine] - (at_reference - here)
        needed[mine] = difference - np.median(difference)
    return needed


def _forced_offsets(stars, star, rows, bright, image):
    """Offsets of forced positions from the true ones in mas, both axes; NaN for faint sources."""
    scale = 1000 * image.fwhm_arcsec / image.fwhm_pixels
    dx = np.where(bright, rows["x"] - stars.x[star], np.nan)
    dy = np.where(bright, rows["y"] - stars.y[star], np.nan)
    return scale * np.concatenate([dx, dy])


def best_variable(truth):
    """Position (ra, dec) of the source most often selected, of those that do vary; or None."""
    images = [image.pk for image in _searches(truth)]
    changes = GalVarObj.objects.accepted().filter(image__in=images)
    counted = changes.values("refsource_id", "ra", "dec").annotate(n=Count("pk"))
    variable = truth.stars["kind"] != "constant"
    true_ra, true_dec = truth.stars["ra"][variable], truth.stars["dec"][variable]
    for row in counted.order_by("-n", "refsource_id"):
        distance = separation_degrees(true_ra, true_dec, row["ra"], row["dec"])
        if distance.min() * 3600 < 0.5:
            return row["ra"], row["dec"]
    return None
