"""Defects of detectors: places where changes of different stars recur on many images."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray, Shape
from variables.science.artifacts import ArtifactOptions, group_labels, groups


@dataclass(frozen=True)
class Defect:
    """A spot on the detector where the changes of indices ``members`` (k,) recur."""

    x: float  # pixels
    y: float
    members: np.ndarray  # indices of the changes given
    n_exposures: int  # or chips
    n_stars: int  # different places on the sky


def defects(
    positions: FloatArray,
    frame: IntArray,
    sky: FloatArray,
    wanted: float,
    options: ArtifactOptions = ArtifactOptions(),
) -> list[Defect]:
    """Find spots of the detector where changes of different stars recur on many frames.

    ``positions`` (n, 2) are pixels; ``frame`` (n,) says on which exposure each change is (or, for
    what recurs on all chips of one exposure, on which chip), of which a defect is to be on as many
    as ``wanted``, by ``frames_wanted``; ``sky`` (n, 3) are unit vectors over the size of a pixel in
    radians. What is always at the same place on the sky is one star, seen at one place because
    nobody moved the telescope.
    """
    found = []
    for members in groups(positions, options.defect_pixels, wanted):
        centre = np.median(positions[members], axis=0)
        # Where changes are dense, steps from one to the next lead far.
        away = np.hypot(*(positions[members] - centre).T)
        members = members[away <= options.defect_pixels]
        n_seen = len(np.unique(frame[members]))
        if n_seen >= wanted:
            n_stars = len(groups(sky[members], options.apart_pixels))
            if n_stars >= options.min_exposures:
                x, y = map(float, centre)
                found.append(Defect(x, y, members, n_seen, n_stars))
    return found


def frames_wanted(
    n_changes: int, n_frames: int, shape: Shape, options: ArtifactOptions = ArtifactOptions()
) -> float:
    """The number of frames on which a place has to have changes to be a defect.

    Of ``n_changes`` on ``n_frames`` frames of ``shape`` (ny, nx) pixels.
    """
    by_chance = n_changes * np.pi * options.defect_pixels**2 / (shape[0] * shape[1])
    # Where chance brings so many, a place that has changes on every frame is still remarkable.
    return float(max(options.min_exposures, min(options.defect_excess * by_chance, n_frames)))


def suspect_groups(
    positions: FloatArray,
    frame: IntArray,
    mjd: FloatArray,
    options: ArtifactOptions = ArtifactOptions(),
) -> IntArray:
    """(n,) the number, from 0, of the group of changes that may be a defect's; -1 of others.

    ``positions`` (n, 2) are pixels, ``frame`` (n,) numbers of exposures and ``mjd`` (n,) their
    times in days. A group has changes on as many exposures as a defect has at least, within twice
    ``defect_days``: so, whatever window of exposures is looked at, changes of a defect are of one
    group. Far fewer than all are of any.
    """
    if len(positions) == 0:
        return np.zeros(0, int)
    labels = group_labels(positions, options.defect_pixels)
    order = np.lexsort((frame, mjd, labels))
    label, number = labels[order], frame[order]
    is_first = np.append(True, (np.diff(label) != 0) | (np.diff(number) != 0))
    label, time = label[is_first], mjd[order][is_first]
    step = options.min_exposures - 1
    near = time[step:] - time[: len(time) - step] <= 2 * options.defect_days
    together = near & (label[step:] == label[: len(label) - step])
    suspects = np.unique(label[step:][together])
    place = np.searchsorted(suspects, labels).clip(max=max(len(suspects) - 1, 0))
    return np.where(np.isin(labels, suspects), place, -1)


@dataclass(frozen=True)
class GroupedChanges:
    """The changes of suspect groups by frame, to be looked at window after window."""

    rows: np.ndarray  # (k,) indices of the changes, by frame
    group: np.ndarray  # (k,) of each
    frame: np.ndarray  # (k,) in order
    pair_frame: np.ndarray  # (m,) in order; frames on which groups have any change
    pair_group: np.ndarray  # (m,)

    @classmethod
    def of(cls, group: IntArray, frame: IntArray) -> "GroupedChanges":
        """Those of changes (n,) on frames (n,), which are in order, of suspect groups (n,)."""
        rows = np.flatnonzero(group >= 0)
        pairs = np.unique(np.column_stack([frame[rows], group[rows]]), axis=0)
        return cls(rows, group[rows], frame[rows], *pairs.T)

    def on_frames(self, first: int, end: int, wanted: float) -> IntArray:
        """(j,) indices of the changes on a window of frames in groups that are on many of these.

        From frame ``first`` to before ``end``, on as many as ``wanted``: all that ``defects`` can
        find a defect of there.
        """
        own = slice(*np.searchsorted(self.pair_frame, (first, end)))
        n_frames = np.bincount(self.pair_group[own])
        if not np.any(n_frames >= wanted):
            return self.rows[:0]
        own = slice(*np.searchsorted(self.frame, (first, end)))
        return self.rows[own][n_frames[self.group[own]] >= wanted]
