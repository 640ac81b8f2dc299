"""Candidates derived from changes, statistics over all epochs, measurements and flags."""

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from exposures.binary_copy import copy_out
from exposures.locks import Claimed, lock_to_end
from exposures.models import GalImage
from exposures.options_in_force import options_in_force
from exposures.science.footprints import count_containing
from exposures.science.motion import DAYS_A_YEAR
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.motions import fade_mag
from photometry.storage.motions import motions_of
from photometry.storage.reference_values import reference_values
from photometry.storage.storage import lock_against_drop, measurements_of
from variables.derived.candidate_rows import upsert_candidates
from variables.derived.colours import colour_columns
from variables.derived.known import refresh_known
from variables.derived.periods import certain_periods
from variables.derived.stars import (
    candidates_of_other_stars,
    refresh_stars_later,
    refresh_stars_of,
)
from variables.derived.varying import AllEpochs, all_epochs_of, varying_sources
from variables.models import GalCandidate, GalDecision, GalFlag, GalNewSource
from variables.regions.coverage import are_inside
from variables.science.causes import Evidence, count_others_nearby, judge_causes
from variables.science.light_curve_statistics import light_curve_statistics
from variables.votes.consensus import update_consensus

STARS_AT_ONCE = 5000
CHANGES = """
SELECT v.refsource_id, v.galimage_id, e.mjd, coalesce(v.delta_mag, 'NaN'), v.significance,
       coalesce(v.x, 'NaN')::float8, coalesce(v.y, 'NaN')::float8,
       v.failed_cuts, v.is_flagged, v.kind = 'vanished'
FROM galvarobjs v
JOIN galimages i ON i.id = v.galimage_id JOIN galexposures e ON e.id = i.exposure_id
WHERE v.refsource_id BETWEEN {first} AND {last}
"""
LOOKED_FOR = """
SELECT refsource_id, galimage_id FROM galnondetections
WHERE refsource_id = ANY(%s) AND limit_mag <> 'NaN'
"""
CHANGE_DTYPE = np.dtype(
    [
        *(("refsource_id", "i8"), ("image_id", "i8"), ("mjd", "f8"), ("delta_mag", "f8")),
        *(("significance", "f8"), ("x", "f8"), ("y", "f8"), ("failed_cuts", "i2")),
        *(("is_flagged", "?"), ("vanished", "?")),
    ]
)


def refresh_candidates(catalogue_ids=None, refsource_ids=None, progress=None) -> int:
    """Update galcandidates for catalogues or sources; returns how many candidates they now have.

    Without arguments those of all catalogues. Each catalogue has its own transaction; within a
    transaction of the caller's the work is part of that, and catalogues stay locked until its end.
    Causes are judged by the current options. ``progress.update(1)`` is called for each catalogue.
    Stars are looked at again of all candidates of catalogues or sources that are named; without
    arguments of those that changed, or are of another object than the cross-match has.
    """
    only = None if refsource_ids is None else np.unique(np.array(list(refsource_ids), "i8"))
    if only is not None:
        catalogue_ids = np.unique(catalogue_of(only)).tolist()
    catalogues = GalReference.objects.select_related("image__exposure").order_by("pk")
    if catalogue_ids is not None:
        catalogues = catalogues.filter(pk__in=list(catalogue_ids))
    total, options, concerned = 0, options_in_force(), []
    for catalogue in catalogues:
        done = _refresh(catalogue, only, options)
        total += len(done.ids)
        concerned += done.changed if catalogue_ids is None else done.changed | set(done.ids)
        if len(concerned) > STARS_AT_ONCE:
            refresh_stars_later(concerned)
            concerned = []
        if progress is not None:
            progress.update(1)
    if catalogue_ids is None:
        concerned += candidates_of_other_stars()
    refresh_stars_later(concerned)
    return total


@dataclass(frozen=True)
class _Refreshed:
    """What became of the candidates of a catalogue."""

    ids: list[int]  # of those that there are
    changed: set[int]  # of those that are others than before, or gone


@transaction.atomic
def _refresh(catalogue, only, options):
    """Update the candidates of one catalogue, or only of some of its sources; a _Refreshed.

    Their stars are to be looked at again once it is committed.
    """
    # Two images stored at once don't see each other's rows: the second waits for the first.
    lock_to_end(Claimed.CANDIDATES, [catalogue.pk])
    if not lock_against_drop(catalogue):
        return _Refreshed([], set())  # dropped since it was looked up, with its candidates
    changes = _changes(catalogue)
    varying = varying_sources(catalogue, options.variability)
    evidence = _summarise(changes, varying, options.causes)
    mine = GalCandidate.objects.filter(catalogue=catalogue)
    ids = evidence.refsource_id
    if only is not None:
        mine, ids = mine.filter(pk__in=only.tolist()), np.intersect1d(ids, only)
    gone = set(mine.values_list("pk", flat=True)).difference(ids.tolist())
    if gone:
        mine.filter(pk__in=gone).delete()
    if len(ids) == 0:
        refresh_stars_of(catalogue, gone)
        return _Refreshed([], gone)
    chosen = np.searchsorted(evidence.refsource_id, ids)
    statistics = all_epochs_of(ids, options.variability)
    columns = _columns(catalogue, evidence, chosen, changes, statistics)
    days, errors = certain_periods(ids, options.periods)
    columns |= {"period_days": days, "period_err": errors} | colour_columns(catalogue.pk, ids)
    columns["cause"] = judge_causes(_evidence(catalogue, evidence, chosen, columns), options.causes)
    columns["is_flagged"] |= _hidden(catalogue, columns)
    new, written = upsert_candidates(catalogue, columns)
    said = refresh_known(catalogue.pk, None if only is None else ids.tolist())
    changed = written | said | gone
    refresh_stars_of(catalogue, changed)
    _restore_consensus(new)
    return _Refreshed(ids.tolist(), changed)


def _restore_consensus(new):
    """Derive the consensus of new candidates, as votes on an earlier one may still count."""
    voted = GalDecision.objects.votes_standing().filter(refsource_id__in=new)
    if ids := set(voted.values_list("refsource_id", flat=True)):
        update_consensus(ids)


def _changes(catalogue):
    """The changes of a catalogue's sources, sorted by source and time; NaN where unknown."""
    first, last = catalogue.id_range
    changes = copy_out(CHANGES.format(first=first, last=last), CHANGE_DTYPE)
    return changes[np.lexsort((changes["mjd"], changes["refsource_id"]))]


@dataclass(frozen=True)
class _Summary:
    """The changes of each source, summarised; arrays (n,)."""

    refsource_id: np.ndarray
    columns: dict  # of the candidates
    always_failed: np.ndarray
    scatter_delta: np.ndarray
    least_crowd: np.ndarray
    n_others_nearby: np.ndarray
    only_image: np.ndarray  # the one image that it changed on; 0 where there are several


def _summarise(changes, varying, options):
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

    return _Summary(
        refsource_id=ids,
        columns={
            "n_changes": n_changes,
            "n_detections": n_detections,
            "first_mjd": _extreme(np.minimum, of, chosen["mjd"], len(ids)),
            "last_mjd": _extreme(np.maximum, of, chosen["mjd"], len(ids)),
            "max_delta_mag": _largest(of_delta, delta, len(ids)),
            "mean_delta_mag": mean,
            "max_significance": _extreme(np.maximum, of, chosen["significance"], len(ids)),
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
    low, high = (_extreme(ufunc, group, values, n) for ufunc in (np.minimum, np.maximum))
    return np.where(low == high, low, 0)


def _extreme(ufunc, group, values, n):
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


def _columns(catalogue, summary, chosen, changes, statistics: AllEpochs):
    """The columns of candidates, {name: (n,) values}, of the sources ``chosen`` in a _Summary.

    ``changes`` are those that the summary was made from. The cause is not among them yet.
    """
    ids = summary.refsource_id[chosen]
    rows = measurements_of(catalogue, ids)
    s = light_curve_statistics(
        len(ids), np.searchsorted(ids, rows["refsource_id"]), rows["mag"], rows["mag_err"]
    )
    columns = {name: values[chosen] for name, values in summary.columns.items()}
    missed = _n_not_detected(ids, rows, changes)
    columns |= {"refsource_id": ids, "n_epochs": s.n + missed, "n_non_detections": missed}
    columns |= _position_columns(ids, rows[rows["is_reference"]])
    for name in ("mean_mag", "rms_mag", "amplitude_mag", "chi2_nu", "von_neumann", "skewness"):
        columns[name] = getattr(s, name)
    is_new = columns["kind"] == GalCandidate.Kind.NEW
    n_images = _n_images_of(catalogue, *_sky(columns, is_new))
    columns["n_epochs"][is_new] = n_images
    n_seen = columns["n_changes"][is_new]
    columns["n_non_detections"][is_new] = np.maximum(n_images - n_seen, 0)
    return columns | _varying_columns(columns, rows, statistics)


def _varying_columns(columns, rows, statistics: AllEpochs):
    """The columns that statistics over all epochs give, or change, of what varies.

    ``rows`` are the measurements of the sources in ``columns``, by source and time.
    """
    undetected = statistics.varies & (columns["n_detections"] == 0)
    is_new = columns["kind"] == GalCandidate.Kind.NEW
    unchanged = columns["n_changes"] == 0
    source = np.searchsorted(columns["refsource_id"], rows["refsource_id"])
    changed = {
        "kind": np.where(
            (undetected | unchanged) & ~is_new, GalCandidate.Kind.VARIES, columns["kind"]
        ),
        "varies": statistics.varies,
        "false_alarm": statistics.false_alarm,
        "excess_mag": statistics.excess_mag,
        "max_significance": np.where(
            # Of a star that people chose there may be none.
            unchanged,
            np.nan_to_num(statistics.largest_sigma),
            columns["max_significance"],
        ),
    }
    for name, ufunc in (("first_mjd", np.minimum), ("last_mjd", np.maximum)):
        of_epochs = _extreme(ufunc, source, rows["mjd"], len(unchanged))
        changed[name] = np.where(unchanged, of_epochs, columns[name])
    return changed


def _n_not_detected(ids, rows, changes):
    """(n,) the number of images on which each source was looked for and not detected.

    ``rows`` are the detections of the sources. A source that vanished was looked for, even if no
    row of that was kept.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOOKED_FOR, [ids.tolist()])
        looked_for = cursor.fetchall()
    vanished = changes[changes["vanished"] & np.isin(changes["refsource_id"], ids)]
    looked_for += vanished[["refsource_id", "image_id"]].tolist()
    detected = rows[["refsource_id", "galimage_id"]].tolist()
    sources = [source for source, _ in set(looked_for).difference(detected)]
    return np.bincount(np.searchsorted(ids, sources), minlength=len(ids))


def _position_columns(ids, reference):
    """The columns with positions, from the reference or, for new sources, from themselves."""
    on_reference = np.isin(ids, reference["refsource_id"])
    new = GalNewSource.objects.filter(pk__in=ids[~on_reference].tolist()).order_by("pk")
    names = ("ra", "dec", "x", "y")
    of_new = np.array(list(new.values_list(*names)), float).reshape(-1, len(names))
    kinds = GalCandidate.Kind.CHANGED.value, GalCandidate.Kind.NEW.value
    columns = {"kind": np.where(on_reference, *kinds)}
    for name, values in zip(names, of_new.T, strict=True):
        columns[name] = np.empty(len(ids))
        columns[name][on_reference], columns[name][~on_reference] = reference[name], values
    columns["reference_mag"] = np.full(len(ids), np.nan)
    columns["reference_mag"][on_reference] = reference_values(reference).mag
    return columns


def _sky(columns, chosen):
    return columns["ra"][chosen], columns["dec"][chosen]


def _n_images_of(catalogue, ra, dec):
    """(n,) the number of images measured with a catalogue on which each position lies."""
    if len(ra) == 0:
        return np.zeros(0, int)
    images = GalImage.objects.filter(coverages__catalogue=catalogue).exclude(footprint=None)
    footprints = np.array(images.values_list("footprint", flat=True)).reshape(-1, 8)
    return count_containing(footprints, ra, dec)


def _evidence(catalogue, summary, chosen, columns):
    image = catalogue.image
    motions = motions_of(columns["refsource_id"])
    x, y = columns["x"], columns["y"]
    is_new = columns["kind"] == GalCandidate.Kind.NEW
    width, height = image.width or np.inf, image.height or np.inf
    return Evidence(
        always_failed=summary.always_failed[chosen],
        edge_distance=np.min([x, y, width - 1 - x, height - 1 - y], axis=0),
        n_changes=columns["n_changes"],
        n_epochs=np.where(is_new, columns["n_epochs"], columns["n_epochs"] - 1),
        # What is new changed by all its light: by 100 %.
        mean_delta=np.where(is_new, MAG_PER_LN, columns["mean_delta_mag"]),
        scatter_delta=np.where(is_new, columns["rms_mag"], summary.scatter_delta[chosen]),
        least_crowd=summary.least_crowd[chosen],
        n_others_nearby=summary.n_others_nearby[chosen],
        only_on_reference=summary.only_image[chosen] == image.pk,
        is_new=is_new,
        speed=motions.speed,
        speed_sigma=motions.significance,
        motion_fade=_motion_fade(catalogue, motions, columns),
    )


def _motion_fade(catalogue, motions, columns):
    """(n,) mag that stars lose at most who are looked for where the reference has them.

    NaN where the motion is unknown, or the seeing.
    """
    dates = [columns["first_mjd"], columns["last_mjd"]]
    years = np.abs(np.subtract(dates, catalogue.mjd)).max(axis=0) / DAYS_A_YEAR
    fwhm_mas = 1000 * (catalogue.image.fwhm_arcsec or np.nan)
    return fade_mag(motions.speed * years / fwhm_mas)


def _hidden(catalogue, columns):
    """(n,) whether a flag on the source or on its region hides a candidate."""
    flags = GalFlag.objects.standing()
    on_sources = flags.filter(refsource_id__range=catalogue.id_range)
    named = np.array(on_sources.values_list("refsource_id", flat=True), "i8")
    hidden = np.isin(columns["refsource_id"], named)
    for flag in flags.filter(image=catalogue.image):
        hidden |= are_inside(columns["x"], columns["y"], flag.region)
    return hidden
