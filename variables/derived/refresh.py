"""Candidates derived from changes, statistics over all epochs, measurements and flags."""

from dataclasses import dataclass

import numpy as np
from django.db import transaction

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
from variables.derived.candidate_rows import (
    differing,
    stored_candidates,
    upsert_candidates,
)
from variables.derived.changes import changes_of, extreme, summarise
from variables.derived.colours import colour_columns
from variables.derived.known import known_columns
from variables.derived.periods import certain_periods
from variables.derived.stars import (
    beside,
    candidates_of_other_stars,
    refresh_stars_later,
    refresh_stars_of,
)
from variables.derived.varying import AllEpochs, all_epochs_of, varying_sources
from variables.models import GalCandidate, GalDecision, GalFlag, GalNewSource
from variables.regions.coverage import are_inside
from variables.science.causes import Evidence, judge_causes
from variables.science.light_curve_statistics import light_curve_statistics
from variables.votes.consensus import update_consensus

STARS_AT_ONCE = 5000
LOOKED_FOR = """
SELECT refsource_id, galimage_id FROM galnondetections
WHERE refsource_id = ANY('{{{ids}}}') AND limit_mag <> 'NaN'
"""
PAIR_DTYPE = np.dtype([("refsource_id", "i8"), ("image_id", "i8")])


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
        done = refresh_catalogue(catalogue, only, options)
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
class Refreshed:
    """What became of the candidates of a catalogue."""

    ids: list[int]  # of those that there are
    changed: set[int]  # of those that are others than before, or gone


@transaction.atomic
def refresh_catalogue(catalogue, only, options) -> Refreshed:
    """Update the candidates of one catalogue, or only of some of its sources.

    Their stars are to be looked at again once it is committed.
    """
    # Two images stored at once don't see each other's rows: the second waits for the first.
    lock_to_end(Claimed.CANDIDATES, [catalogue.pk])
    if not lock_against_drop(catalogue):
        return Refreshed([], set())  # dropped since it was looked up, with its candidates
    changes = changes_of(catalogue)
    varying = varying_sources(catalogue, options.variability)
    evidence = summarise(changes, varying, options.causes)
    ids = evidence.refsource_id
    stored = stored_candidates(catalogue)
    mine = stored["refsource_id"]
    if only is not None:
        mine, ids = np.intersect1d(mine, only), np.intersect1d(ids, only)
    gone = set(np.setdiff1d(mine, ids).tolist())
    if gone:
        GalCandidate.objects.filter(pk__in=gone).delete()
    if len(ids) == 0:
        refresh_stars_of(catalogue, gone)
        return Refreshed([], gone)
    chosen = np.searchsorted(evidence.refsource_id, ids)
    statistics = all_epochs_of(ids, options.variability)
    columns = _columns(catalogue, evidence, chosen, changes, statistics)
    days, errors = certain_periods(ids, options.periods)
    columns |= {"period_days": days, "period_err": errors} | colour_columns(catalogue.pk, ids)
    columns["cause"] = judge_causes(_evidence(catalogue, evidence, chosen, columns), options.causes)
    columns["is_flagged"] |= _hidden(catalogue, columns)
    columns |= known_columns(ids, columns["ra"], columns["dec"], days, errors)
    written = _store(catalogue, stored, columns)
    refresh_stars_of(catalogue, gone)
    return Refreshed(ids.tolist(), written | gone)


def _store(catalogue, stored, columns) -> set[int]:
    """Store the candidates of a catalogue that are others than are stored; their ids."""
    chosen = differing(stored, columns)
    written = columns["refsource_id"][chosen]
    if len(written) == 0:
        return set()
    parts = beside(catalogue, written.tolist())
    upsert_candidates(catalogue, {name: values[chosen] for name, values in columns.items()})
    refresh_stars_of(catalogue, parts)
    _restore_consensus(np.setdiff1d(written, stored["refsource_id"]).tolist())
    return set(written.tolist())


def _restore_consensus(new):
    """Derive the consensus of new candidates, as votes on an earlier one may still count."""
    voted = GalDecision.objects.votes_standing().filter(refsource_id__in=new)
    if ids := set(voted.values_list("refsource_id", flat=True)):
        update_consensus(ids)


def _columns(catalogue, summary, chosen, changes, statistics: AllEpochs):
    """The columns of candidates, {name: (n,) values}, of the sources ``chosen`` in a Summary.

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
        of_epochs = extreme(ufunc, source, rows["mjd"], len(unchanged))
        changed[name] = np.where(unchanged, of_epochs, columns[name])
    return changed


def _n_not_detected(ids, rows, changes):
    """(n,) the number of images on which each source was looked for and not detected.

    ``rows`` are the detections of the sources. A source that vanished was looked for, even if no
    row of that was kept.
    """
    query = LOOKED_FOR.format(ids=",".join(map(str, ids.tolist())))
    looked_for = copy_out(query, PAIR_DTYPE).tolist()
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
