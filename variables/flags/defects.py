"""Defects of detectors among the changes on search images, proposed as flags."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalExposure, GalImage
from exposures.science.arrays import Shape
from exposures.science.footprints import unit_vectors
from variables.flags.findings import Proposal, group_label
from variables.models import Artifact
from variables.science.artifacts import (
    ArtifactOptions,
    box,
    defects,
    frames_wanted,
    may_be_defects,
)

# What is needed of a chip to say where on it something is.
CHIP_COLUMNS = (
    *("exposure", "ccdnum", "chip_name", "is_reference", "width", "height", "radius"),
    *("ra", "dec", "footprint"),
)
ACCEPTED = """
SELECT galimage_id, x::float8, y::float8, ra, dec FROM galvarobjs
WHERE galimage_id = ANY('{{{images}}}') AND failed_cuts = 0 AND NOT is_flagged AND x IS NOT NULL
    AND y IS NOT NULL
ORDER BY id
"""
DTYPE = np.dtype([("image_id", "i8"), ("x", "f8"), ("y", "f8"), ("ra", "f8"), ("dec", "f8")])


@dataclass(frozen=True)
class _Changes:
    """Accepted changes on measurable search images, in the order of these; arrays (n,)."""

    images: list[GalImage]
    index: np.ndarray  # of the image
    pixels: np.ndarray  # (n, 2)
    sky: np.ndarray  # (n, 3) unit vectors over the size of a pixel in radians

    @property
    def shape(self) -> Shape:
        """(ny, nx) pixels of the detector."""
        return self.images[0].height, self.images[0].width


def on_many_chips(exposure: GalExposure, images, options: ArtifactOptions) -> list[Proposal]:
    """Propose flags where changes recur at one place of many chips of one exposure."""
    images = _measurable(images)
    if len(images) < options.min_exposures:
        return []
    changes = _changes_on(images)
    chosen = np.arange(len(changes.index))
    wanted = frames_wanted(len(chosen), len(images), changes.shape, options)
    label = f"exposure {exposure}, many chips"
    return list(_proposals(changes, chosen, wanted, _Label(label, "chips"), options))


def detectors_of(exposures: Sequence[GalExposure]) -> list[tuple[str, int]]:
    """The detectors, instrument and number, on which exposures have search images."""
    searches = GalImage.objects.searches().done().filter(exposure__in=[e.pk for e in exposures])
    return sorted(searches.values_list("exposure__instrument", "ccdnum").distinct().order_by())


def on_detector(
    detector: tuple[str, int], exposures: Sequence[GalExposure], options: ArtifactOptions
) -> list[Proposal]:
    """Propose flags at defects of a detector: its instrument and number.

    For each of the ``exposures`` by what is on those of some weeks before and after.
    """
    instrument, ccdnum = detector
    times = [exposure.mjd for exposure in exposures]
    first, last = min(times) - options.defect_days, max(times) + options.defect_days
    images = GalImage.objects.searches().done().filter(ccdnum=ccdnum)
    images = images.filter(exposure__instrument=instrument, exposure__mjd__range=(first, last))
    columns = (*CHIP_COLUMNS, "exposure__mjd", "exposure__instrument")
    chosen = {exposure.pk for exposure in exposures}
    return list(_of_windows(images.select_related("exposure").only(*columns), chosen, options))


def _of_windows(images, chosen, options):
    """Flags by the exposures round each of those whose ids are ``chosen``."""
    images = sorted(_measurable(images), key=lambda image: (image.exposure.mjd, image.pk))
    if len(images) < options.min_exposures:
        return
    changes = _changes_on(images)
    mjd = np.array([image.exposure.mjd for image in images])
    suspects = np.flatnonzero(
        may_be_defects(changes.pixels, changes.index, mjd[changes.index], options)
    )
    for first, end in _windows(images, mjd, chosen, options):
        rows = np.searchsorted(changes.index, (first, end))
        own = slice(*np.searchsorted(suspects, rows))
        if own.stop - own.start >= options.min_exposures:
            n_changes = int(rows[1] - rows[0])
            wanted = frames_wanted(n_changes, end - first, changes.shape, options)
            label = _Label(f"{images[first].exposure.instrument} {images[first].chip_name}")
            yield from _proposals(changes, suspects[own], wanted, label, options)


def _windows(images, mjd, chosen, options):
    """The different windows, (first, end) indices, of exposures round the chosen ones."""
    places = [i for i, image in enumerate(images) if image.exposure_id in chosen]
    first = np.searchsorted(mjd, mjd[places] - options.defect_days, side="left")
    end = np.searchsorted(mjd, mjd[places] + options.defect_days, side="right")
    windows = sorted(set(zip(first.tolist(), end.tolist(), strict=True)))
    return [window for window in windows if window[1] - window[0] >= options.min_exposures]


def _measurable(images):
    return [image for image in images if image.width and image.height and image.radius]


def _changes_on(images):
    ids = np.array([image.pk for image in images])
    rows = copy_out(ACCEPTED.format(images=",".join(map(str, ids.tolist()))), DTYPE)
    order = np.argsort(ids)
    index = order[np.searchsorted(ids[order], rows["image_id"])]
    in_turn = np.argsort(index, kind="stable")
    rows = rows[in_turn]
    pixel = np.radians(2 * images[0].radius / np.hypot(images[0].height, images[0].width))
    sky = unit_vectors(np.column_stack([rows["ra"], rows["dec"]])) / pixel
    return _Changes(images, index[in_turn], np.column_stack([rows["x"], rows["y"]]), sky)


@dataclass(frozen=True)
class _Label:
    """What the images of a defect share, and what they are."""

    text: str
    frames: str = "exposures"


def _proposals(changes, chosen, wanted, label, options):
    """A flag for each image that a defect among some changes, of these indices, is on."""
    own = changes.pixels[chosen], changes.index[chosen], changes.sky[chosen]
    for defect in defects(*own, wanted, options):
        # To ten pixels: more changes at the same place should not make it another place.
        place = f"{label.text} near x {round(defect.x, -1):.0f}, y {round(defect.y, -1):.0f}"
        reason = (
            f"changes of {defect.n_stars} stars at this place, on {defect.n_exposures} "
            f"{label.frames}"
        )
        members = chosen[defect.members]
        for i in np.unique(changes.index[members]).tolist():
            of_image = changes.pixels[members[changes.index[members] == i]]
            margin = options.defect_pixels + 0.5
            corners = box(of_image.min(axis=0) - margin, of_image.max(axis=0) + margin)
            yield Proposal(
                Artifact.DETECTOR,
                group_label(Artifact.DETECTOR, place),
                reason,
                changes.images[i],
                tuple(corners.ravel().tolist()),
            )
