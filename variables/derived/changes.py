"""The changes of a catalogue's sources, and what they say of each source together."""

from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from variables.science.causes import count_others_nearby

CHANGES = """
SELECT refsource_id, galimage_id, 0::float8, coalesce(delta_mag, 'NaN'), significance,
    coalesce(x, 'NaN')::float8, coalesce(y, 'NaN')::float8,
    failed_cuts, is_flagged, kind = 'vanished'
FROM galvarobjs WHERE refsource_id BETWEEN {first} AND {last}
"""
TIMES = """
SELECT i.id, e.mjd FROM galimages i JOIN galexposures e ON e.id = i.exposure_id
WHERE i.id = ANY('{{{images}}}') ORDER BY i.id
"""
CHANGE_DTYPE = np.dtype(
    [
        *(("refsource_id", "i8"), ("image_id", "i8"), ("mjd", "f8"), ("delta_mag", "f8")),
        *(("significance", "f8"), ("x", "f8"), ("y", "f8"), ("failed_cuts", "i2")),
        *(("is_flagged", "?"), ("vanished", "?")),
    ]
)


def changes_of(catalogue):
    """The changes of a catalogue's sources, sorted by source and time; NaN where unknown."""
    first, last = catalogue.id_range
    changes = copy_out(CHANGES.format(first=first, last=last), CHANGE_DTYPE)
    images, place = np.unique(changes["image_id"], return_inverse=True)
    ids = ",".join(map(str, images.tolist()))
    times = copy_out(TIMES.format(images=ids), np.dtype([("image_id", "i8"), ("mjd", "f8")]))
    changes["mjd"] = times["mjd"][place]
    return changes[np.lexsort((changes["mjd"], changes["refsource_id"]))]


@dataclass(frozen=True)
class Summary:
    """The changes of each source, summarised; arrays (n,)."""

    refsource_id: np.ndarray
    columns: dict  # of the candidates
    always_failed: np.ndarray
    scatter_delta: np.ndarray
    least_crowd: np.ndarray
    n_others_nearby: np.ndarray
    only_image: np.ndarray  # the one image that it changed on; 0 where there are several


def summarise(changes, varying, options):
    """Summarise the detections of each source, or all its changes if it has no detection.

    The sources ``varying`` (n,) are among them, with changes or without.
    """
    ids = np.union1d(changes["refsource_id"], varying)
    source = np.searchsorted(ids, changes["refsource_id"])
    n_changes = np.bincount(source, minlength=len(ids))
    is_detection = (changes["failed_cuts"] == 0) & ~changes["is_flagged"]
    n_detections = np.bincount(source, is_detection, len(ids)).astype(int)
    counts = is_detection | (n_detections[source] == 0)
    chosen, of = changes[counts], source[counts]
    known = np.isfinite(chosen["delta_mag"])
    delta, of_delta = chosen["delta_mag"][known], of[known]
    n_known = np.bincount(of_delta, minlength=len(ids))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of_delta, delta, len(ids)) / n_known
        square = np.bincount(of_delta, (delta - mean[of_delta]) ** 2, len(ids)) / n_known
    _, image, n_on_image = np.unique(changes["image_id"], return_inverse=True, return_counts=True)
    others = count_others_nearby(
        changes["refsource_id"], changes["x"], changes["y"], options.detector_pixels
    )

    changed, first = np.unique(source, return_index=True)

    def over(ufunc, values):
        """(n,) of all changes of each source; 0 where it has none."""
        out = np.zeros(len(ids), values.dtype)
        if len(changed):
            out[changed] = ufunc.reduceat(values, first)
        return out

    return Summary(
        refsource_id=ids,
        columns={
            "n_changes": n_changes,
            "n_detections": n_detections,
            "first_mjd": extreme(np.minimum, of, chosen["mjd"], len(ids)),
            "last_mjd": extreme(np.maximum, of, chosen["mjd"], len(ids)),
            "max_delta_mag": _largest(of_delta, delta, len(ids)),
            "mean_delta_mag": mean,
            "max_significance": extreme(np.maximum, of, chosen["significance"], len(ids)),
            "has_vanished": np.bincount(of, chosen["vanished"], len(ids)) > 0,
            "failed_cuts": over(np.bitwise_or, changes["failed_cuts"]),
            "is_flagged": over(np.minimum, changes["is_flagged"].astype(int)) > 0,
        },
        always_failed=over(np.bitwise_and, changes["failed_cuts"]),
        scatter_delta=np.sqrt(square),
        least_crowd=over(np.minimum, n_on_image[image]),
        n_others_nearby=over(np.maximum, others),
        only_image=_only(of, chosen["image_id"], len(ids)),
    )


def _only(group, values, n):
    """(n,) the value shared by all of a group, or 0 if they differ."""
    low, high = (extreme(ufunc, group, values, n) for ufunc in (np.minimum, np.maximum))
    return np.where(low == high, low, 0)


def extreme(ufunc, group, values, n):
    """(n,) the least or greatest value of each group, by np.minimum or np.maximum."""
    out = np.full(n, np.inf if ufunc is np.minimum else -np.inf)
    ufunc.at(out, group, values)
    return out


def _largest(group, values, n):
    """(n,) the value of each group that is largest in size, with its sign; NaN where none is."""
    out = np.full(n, np.nan)
    order = np.argsort(np.abs(values), kind="stable")
    out[group[order]] = values[order]
    return out
