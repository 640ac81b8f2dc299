"""Defects of detectors among the changes on search images, proposed as flags."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalExposure, GalImage
from exposures.science.arrays import Shape
from exposures.science.footprints import unit_vectors
from variables.flags.chips import are_measurable, images_of
from variables.flags.findings import Proposal, group_label
from variables.models import Artifact
from variables.science.artifacts import ArtifactOptions, box
from variables.science.defects import (
    Defect,
    GroupedChanges,
    defects,
    frames_wanted,
    suspect_groups,
)

ACCEPTED = """
SELECT galimage_id, id, x::float8, y::float8, ra, dec FROM galvarobjs
WHERE galimage_id = ANY('{{{images}}}') AND failed_cuts = 0 AND NOT is_flagged AND x IS NOT NULL
    AND y IS NOT NULL
"""
DTYPE = np.dtype(
    [
        *(("image_id", "i8"), ("pk", "i8"), ("x", "f8"), ("y", "f8"), ("ra", "f8")),
        ("dec", "f8"),
    ]
)


@dataclass(frozen=True)
class _Changes:
    """Accepted changes on chips of a known size, in the order of these; arrays (n,)."""

    chips: np.ndarray  # CHIP_DTYPE
    index: np.ndarray  # of the chip
    pixels: np.ndarray  # (n, 2)
    sky: np.ndarray  # (n, 3) unit vectors over the size of a pixel in radians

    @classmethod
    def of(cls, chips, rows):
        """Those of chips among rows with the columns of DTYPE."""
        order = np.argsort(chips["image_id"])
        index = order[np.searchsorted(chips["image_id"][order], rows["image_id"])]
        in_turn = np.lexsort((rows["pk"], index))
        rows = rows[in_turn]
        first = chips[0]
        pixel = np.radians(2 * first["radius"] / np.hypot(first["height"], first["width"]))
        sky = unit_vectors(np.column_stack([rows["ra"], rows["dec"]])) / pixel
        return cls(chips, index[in_turn], np.column_stack([rows["x"], rows["y"]]), sky)

    @property
    def shape(self) -> Shape:
        """(ny, nx) pixels of the detector."""
        return int(self.chips[0]["height"]), int(self.chips[0]["width"])


@dataclass(frozen=True)
class _Found:
    """A defect among changes on images, the first of which names the detector."""

    defect: Defect
    images: np.ndarray  # (k,) ids, of each of its changes
    pixels: np.ndarray  # (k, 2)
    first_image: int


def on_many_chips(
    exposure: GalExposure, chips: np.ndarray, rows: np.ndarray, options: ArtifactOptions
) -> list[Proposal]:
    """Propose flags where changes recur at one place of many chips of one exposure.

    ``chips`` (m,) are CHIP_DTYPE, ``rows`` (n,) the changes on them as they were stored.
    """
    chips = chips[are_measurable(chips)]
    if len(chips) < options.min_exposures:
        return []
    rows = rows[(rows["failed_cuts"] == 0) & ~rows["is_flagged"]]
    is_stored = np.isfinite(rows["x"]) & np.isfinite(rows["y"])
    changes = _Changes.of(chips, rows[is_stored & np.isin(rows["image_id"], chips["image_id"])])
    wanted = frames_wanted(len(changes.index), len(chips), changes.shape, options)
    found = list(_defects(changes, np.arange(len(changes.index)), wanted, 0, options))
    return _proposals(found, f"exposure {exposure}, many chips", "chips", options)


def on_detector(
    chips: np.ndarray, exposure_ids: set[int], options: ArtifactOptions
) -> list[Proposal]:
    """Propose flags at defects of a detector, by its search images ``chips`` (m,), CHIP_DTYPE.

    For each of the exposures by what is on those of some weeks before and after.
    """
    chips = chips[are_measurable(chips)]
    if len(chips) < options.min_exposures:
        return []
    chips = chips[np.lexsort((chips["image_id"], chips["mjd"]))]
    ids = ",".join(map(str, chips["image_id"].tolist()))
    changes = _Changes.of(chips, copy_out(ACCEPTED.format(images=ids), DTYPE))
    found = list(_of_windows(changes, exposure_ids, options))
    return _proposals(found, None, "exposures", options)


def _of_windows(changes, exposure_ids, options) -> Iterator[_Found]:
    """Defects by the exposures round each of some."""
    mjd = changes.chips["mjd"]
    group = suspect_groups(changes.pixels, changes.index, mjd[changes.index], options)
    suspects = GroupedChanges.of(group, changes.index)
    for first, end in _windows(changes.chips, exposure_ids, options):
        rows = np.searchsorted(changes.index, (first, end))
        wanted = frames_wanted(int(rows[1] - rows[0]), end - first, changes.shape, options)
        chosen = suspects.on_frames(first, end, wanted)
        if len(chosen):
            yield from _defects(changes, chosen, wanted, first, options)


def _windows(chips, exposure_ids, options):
    """The different windows, (first, end) indices, of exposures round the chosen ones."""
    mjd = chips["mjd"]
    places = np.flatnonzero(np.isin(chips["exposure_id"], list(exposure_ids)))
    first = np.searchsorted(mjd, mjd[places] - options.defect_days, side="left")
    end = np.searchsorted(mjd, mjd[places] + options.defect_days, side="right")
    windows = sorted(set(zip(first.tolist(), end.tolist(), strict=True)))
    return [window for window in windows if window[1] - window[0] >= options.min_exposures]


def _defects(changes, chosen, wanted, first, options) -> Iterator[_Found]:
    """The defects among some changes, of these indices."""
    own = changes.pixels[chosen], changes.index[chosen], changes.sky[chosen]
    for defect in defects(*own, wanted, options):
        members = chosen[defect.members]
        images = changes.chips["image_id"][changes.index[members]]
        first_image = int(changes.chips["image_id"][first])
        yield _Found(defect, images, changes.pixels[members], first_image)


def _proposals(found, label, frames, options) -> list[Proposal]:
    """A flag for each image that a defect is on; without a label by the detector's name."""
    ids = {pk for one in found for pk in [*one.images.tolist(), one.first_image]}
    images = images_of(ids)
    proposals = {}
    for one in found:
        for proposal in _of_defect(one, label, frames, images, options):
            # Neighbouring windows find the same.
            proposals.setdefault((proposal.image.pk, proposal.group, proposal.region), proposal)
    return list(proposals.values())


def _of_defect(found, label, frames, images: dict[int, GalImage], options) -> Iterator[Proposal]:
    defect, first = found.defect, images[found.first_image]
    # To ten pixels: more changes at the same place should not make it another place.
    place = (
        f"{label or f'{first.exposure.instrument} {first.chip_name}'} near "
        f"x {round(defect.x, -1):.0f}, y {round(defect.y, -1):.0f}"
    )
    for pk in dict.fromkeys(found.images.tolist()):
        of_image = found.pixels[found.images == pk]
        margin = options.defect_pixels + 0.5
        corners = box(of_image.min(axis=0) - margin, of_image.max(axis=0) + margin)
        yield Proposal(
            Artifact.DETECTOR,
            group_label(Artifact.DETECTOR, place),
            f"changes of {defect.n_stars} stars at this place, on {defect.n_exposures} {frames}",
            images[pk],
            tuple(corners.ravel().tolist()),
        )
