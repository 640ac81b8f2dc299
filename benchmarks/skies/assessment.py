"""The figures of a processed SkyNight: what is in the database against the truth."""

from dataclasses import dataclass, field

import numpy as np
from astropy.stats import mad_std
from scipy.spatial import cKDTree

from exposures.models import GalImage, Status
from photometry.models import GalSource
from variables.models import GalNewSource, GalVarObj

from .truth import MATCH_PIXELS, Changes, EpochTruth

BIN_EDGES = np.array([14.0, 17, 18, 19, 20, 21, 22, 23])  # mag
BRIGHT = (14.0, 17.0)  # mag
ZERO_MAG = (15.0, 17.5)  # stars that define what is not biased
DETECTED = 10.0  # S/N of stars that the search has to find, and of sources that have to be stars
SAME_LIGHT = 0.5  # of a source's flux that its star has at least


@dataclass
class NightFigures:
    """Counts and lists of one night, summed over its search images."""

    n_images: int = 0
    n_failed: int = 0
    n_measurements: int = 0
    n_expected: int = 0
    n_found: int = 0
    n_false: int = 0
    n_vanished: int = 0
    n_vanished_found: int = 0
    n_moving: int = 0  # fast stars of constant light
    n_moving_changed: int = 0
    completeness: float = np.nan  # of the sources on the reference
    purity: float = np.nan
    scatter_mmag: list = field(default_factory=list)  # of bright stars, an image each
    saved_mmag: list = field(default_factory=list)
    mag: list = field(default_factory=list)  # of the star, by measurement; as the two below
    pull: list = field(default_factory=list)
    bias: list = field(default_factory=list)  # measured less true, mag

    def in_bins(self, name, statistic, fewest):
        """The statistic of a list in each bin of magnitude; NaN where there are too few."""
        values, bins = (np.concatenate([np.zeros(0), *getattr(self, n)]) for n in (name, "mag"))
        number = np.digitize(bins, BIN_EDGES)
        chosen = [values[(number == i) & np.isfinite(values)] for i in range(1, len(BIN_EDGES))]
        return np.array([statistic(v) if len(v) >= fewest else np.nan for v in chosen])


def ratio(part, whole):
    """NaN where there is nothing to divide by."""
    return part / whole if whole else np.nan


def assess_night(night):
    """NightFigures of a SkyNight that process_exposure has processed."""
    figures = NightFigures(n_images=len(night.epochs))
    images = {int(image.exposure.identifier): image for image in _images(night)}
    figures.n_failed = len(night.epochs) - len(images)
    first = images.get(night.epochs[0].expnum)
    if first is None:
        return figures
    reference = EpochTruth(night, 0)
    rows = _rows(first)
    figures.completeness, figures.purity = _detection(reference, rows)
    for epoch in night.epochs[1:]:
        if epoch.expnum in images:
            changes = Changes(reference, EpochTruth(night, epoch.index))
            _assess_image(figures, changes, images[epoch.expnum], rows)
    return figures


def _images(night):
    identifiers = [str(epoch.expnum) for epoch in night.epochs]
    chosen = {"exposure__instrument": "decam", "exposure__identifier__in": identifiers}
    return GalImage.objects.filter(**chosen, status=Status.DONE).select_related("exposure")


_COLUMNS = ("refsource_id", "x", "y", "flux", "flux_err", "mag", "mag_err", "flags")


def _rows(image):
    """Measurements of the reference's sources on an image by column, in the order of sources."""
    rows = GalSource.objects.measured_on(image).order_by("refsource_id")
    rows = rows.exclude(refsource_id__in=GalNewSource.objects.values("pk"))
    table = np.array(list(rows.values_list(*_COLUMNS)), dtype=float).reshape(-1, len(_COLUMNS))
    columns = dict(zip(_COLUMNS, table.T, strict=True))
    return {**columns, "refsource_id": columns["refsource_id"].astype("i8")}


def _detection(reference, rows):
    """Completeness and purity of the reference's sources of S/N 10 and more."""
    asked = reference.is_inside & reference.is_brightest
    asked &= reference.flux > DETECTED * reference.flux_error
    sources = np.column_stack([rows["x"], rows["y"]])
    at = np.column_stack([reference.x[asked], reference.y[asked]])
    completeness = np.mean(cKDTree(sources).query(at)[0] < MATCH_PIXELS)
    star, _ = reference.sources_of(rows["x"], rows["y"])
    is_star = (star >= 0) & (reference.flux[star] > SAME_LIGHT * rows["flux"])
    significant = (rows["flux"] > DETECTED * rows["flux_err"]) & (rows["flags"] == 0)
    return float(completeness), float(is_star[significant].mean())


def _assess_image(figures, changes, image, reference_rows):
    rows = _rows(image)
    at_reference = np.searchsorted(reference_rows["refsource_id"], rows["refsource_id"])
    reference = {name: values[at_reference] for name, values in reference_rows.items()}
    figures.n_measurements += len(rows["x"])
    _count_changes(figures, changes, _accepted(image, reference_rows))
    _compare(figures, changes, rows, reference)


def _accepted(image, reference_rows):
    """x and y on the reference of the sources with an accepted change on an image."""
    changes = GalVarObj.objects.accepted().of_reference().filter(image=image)
    ids = np.array(changes.values_list("refsource_id", flat=True), dtype="i8")
    index = np.searchsorted(reference_rows["refsource_id"], ids)
    return reference_rows["x"][index], reference_rows["y"][index]


def _count_changes(figures, changes, accepted):
    for stars, counts in (
        (changes.expected, ("n_expected", "n_found")),
        (changes.vanished, ("n_vanished", "n_vanished_found")),
        (changes.moving, ("n_moving", "n_moving_changed")),
    ):
        found = changes.found(stars, *accepted)
        for name, n in zip(counts, (len(found), found.sum()), strict=True):
            setattr(figures, name, getattr(figures, name) + int(n))
    figures.n_false += int((~changes.is_true(*accepted)).sum())


def _compare(figures, changes, rows, reference):
    """Differences to the reference and to the truth, of sources whose star is known."""
    star, own = changes.search.sources_of(rows["x"], rows["y"])
    _, own_before = changes.reference.sources_of(reference["x"], reference["y"])
    good = (star >= 0) & (own > 0) & (own_before > 0) & (rows["flags"] == 0)
    good &= (reference["flags"] == 0) & np.isfinite(rows["mag"] + reference["mag"])
    with np.errstate(divide="ignore"):
        true, before = -2.5 * np.log10(own), -2.5 * np.log10(own_before)
    mag = before[good]
    difference = (rows["mag"] - reference["mag"])[good] - (true[good] - mag)
    error = np.hypot(rows["mag_err"], reference["mag_err"])[good]
    bright = (mag > BRIGHT[0]) & (mag < BRIGHT[1])
    figures.scatter_mmag.append(1000 * mad_std(difference[bright]))
    figures.saved_mmag.append(1000 * np.median(error[bright]))
    offset = rows["mag"][good] - true[good]
    unbiased = (mag > ZERO_MAG[0]) & (mag < ZERO_MAG[1])
    figures.mag.append(mag)
    figures.pull.append(difference / error)
    figures.bias.append(offset - np.median(offset[unbiased]))
