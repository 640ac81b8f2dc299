"""Changes of references: what they imply, and how they are carried out."""

from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from django.db import connection, transaction
from django.db.models import Count, Q
from django_q.tasks import async_task

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalImage, Status
from exposures.steps import REFERENCE_STEPS, LogStep
from galproject.configuration.loading import load_options
from galproject.processing.locking import lock_results, one_change, references_locked
from galproject.processing.pipeline import make_references
from galproject.queue.asking import enqueue
from galproject.queue.reprocessing import for_its_files
from galproject.references.overlaps import count_stranded, ids_overlapping
from galproject.references.withdrawal import check_withdrawal, drop_catalogues, retire_references
from photometry.models import GalReference
from photometry.storage.storage import DROP_LOCK_SECONDS
from variables.models import CampaignObject, GalCandidate, GalDecision, GalVarObj

CROSSMATCH_TASK = "galproject.references.tasks.crossmatch_withdrawn"
# Beyond these a browser would wait too long: a worker does it.
MAX_ROWS = 500_000  # of galsources to be removed
MAX_SEARCHES = 200

SECONDS_A_CHIP = """
SELECT is_reference, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
    SELECT i.is_reference, extract(epoch FROM i.finished - i.started) AS seconds
    FROM galimages i JOIN galexposures e ON e.id = i.exposure_id
    WHERE i.status = 'done' AND i.finished > i.started AND e.filter = %s
    ORDER BY i.finished DESC NULLS LAST LIMIT 1000
) AS latest GROUP BY is_reference
"""


@dataclass(frozen=True)
class Change:
    """What it implies that images become references, or, with ``withdrawn``, cease to be."""

    chosen: tuple[GalImage, ...]  # that become references
    old: tuple[GalImage, ...]  # references of the same sky and filter
    search_ids: frozenset[int]  # search images to be measured anew
    n_lost: int  # rows of galsources that the chosen have as search images
    n_lost_changes: int  # rows of galvarobjs on them
    n_candidates: int  # of the old catalogues
    n_voted: int  # of these, that somebody has voted on; of no campaign that goes on
    n_votes: int
    n_blind: int  # candidates of campaigns that go on, on which nobody may count the votes
    n_stranded: int  # search images that would be without a reference if the old were withdrawn
    seconds: float | None  # of one worker; None if nothing was ever processed

    @property
    def takes(self) -> str:
        """The time that one worker needs, in words."""
        if self.seconds < 5400:
            return f"{max(1, round(self.seconds / 60))} min"
        return f"{self.seconds / 3600:,.1f} hours"

    @property
    def n_searches(self):
        """The number of search images measured against the references that go."""
        return len(self.search_ids)

    @property
    def old_exposures(self):
        """The exposures of the references that go, by time."""
        return sorted({image.exposure for image in self.old}, key=lambda e: (e.mjd, e.pk))

    @property
    def known(self) -> str:
        """A digest of the references with which the change was planned."""
        ids = ",".join(str(image.pk) for image in sorted(self.old, key=lambda image: image.pk))
        return sha256(ids.encode()).hexdigest()[:16]

    @property
    def is_large(self):
        """Whether so much is lost or remade that people have to confirm it."""
        return self.n_lost > MAX_ROWS or self.n_searches > MAX_SEARCHES


def plan(chosen) -> Change:
    """Plan that images become references; nothing is changed."""
    chosen = [image for image in chosen if not image.is_reference]
    near = ids_overlapping([image.pk for image in chosen])
    overlapping = GalImage.objects.filter(pk__in=near).select_related("exposure")
    old = list(overlapping.references().order_by("exposure__mjd", "exposure_id", "ccdnum"))
    return _change(chosen, old, near - {image.pk for image in (*chosen, *old)})


def plan_withdrawal(old) -> Change:
    """Plan that references become search images; nothing is changed."""
    old = [image for image in old if image.is_reference]
    near = ids_overlapping([image.pk for image in old])
    searches = GalImage.objects.searches().filter(pk__in=near)
    return _change([], old, set(searches.values_list("pk", flat=True)))


def _change(chosen, old, search_ids):
    catalogues = list(GalReference.objects.filter(image__in=old, active=True)) if old else []
    votes = _votes_on(catalogues)
    return Change(
        chosen=tuple(chosen),
        old=tuple(old),
        search_ids=frozenset(search_ids),
        n_lost=sum(image.n_sources or 0 for image in chosen),
        n_lost_changes=GalVarObj.objects.filter(image__in=chosen).count(),
        **_candidates_of(catalogues),
        n_voted=votes["n_voted"],
        n_votes=votes["n_votes"],
        n_stranded=count_stranded([i.pk for i in old], [i.pk for i in chosen]) if old else 0,
        seconds=_seconds(chosen or old, len(chosen), len(search_ids) + (0 if chosen else len(old))),
    )


def _candidates_of(catalogues):
    """Count the candidates, and those on which votes are blind."""
    candidates = GalCandidate.objects.accepted().filter(catalogue__in=catalogues)
    blind = CampaignObject.objects.blind_to().filter(_is_of(catalogues)).values("refsource_id")
    is_blind = Q(pk__in=blind)
    return candidates.aggregate(n_candidates=Count("pk"), n_blind=Count("pk", filter=is_blind))


def _is_of(catalogues):
    """The condition that a source is of one of these catalogues."""
    ranges = Q(pk__in=[])
    for catalogue in catalogues:
        ranges |= Q(refsource_id__range=catalogue.id_range)
    return ranges


def _votes_on(catalogues):
    """Count the votes on sources of catalogues, and those sources.

    Only settled votes are counted, since those in open campaigns are blind.
    """
    voted = Count("refsource_id", distinct=True)
    votes = GalDecision.objects.settled(_is_of(catalogues))
    return votes.aggregate(n_votes=Count("pk"), n_voted=voted)


def _seconds(images, n_references, n_searches):
    """The seconds that one worker needs, by earlier chips in the images' filter."""
    if not images:
        return None
    with connection.cursor() as cursor:
        cursor.execute(SECONDS_A_CHIP, [images[0].exposure.filter])
        medians = {is_reference: float(s) for is_reference, s in cursor.fetchall()}
    if not medians:
        return None
    reference, search = (medians.get(kind, max(medians.values())) for kind in (True, False))
    return n_references * reference + n_searches * search


class ChangedMeanwhileError(GalprojectError):
    """Somebody else changed the references meanwhile; the message says who, and what."""


def change_reference(
    chosen_ids,
    withdrawn_ids,
    username,
    reason="",
    known_ids=None,
    drop_lock_seconds=DROP_LOCK_SECONDS,
):
    """Make images references and others search images, and enqueue the implied work.

    Who did it and why is written to the exposures' logs. Measurements with other references stay
    until they are made again. One change runs at a time, in one transaction; ``known_ids`` are the
    references of the chosen images' sky when the decision was taken. A retired catalogue is dropped
    afterwards, unless somebody reads it for ``drop_lock_seconds``. Raises GalprojectError if a chip
    is being processed, and ChangedMeanwhileError if the references are no longer those.
    """
    with references_locked(_images([*chosen_ids, *withdrawn_ids])):
        chosen, withdrawn = _images(chosen_ids), _images(withdrawn_ids)
        _check_free([*chosen, *withdrawn])
        _check_as_known(chosen, withdrawn, known_ids)
        with one_change([*chosen, *withdrawn]):
            jobs, retired = _carry_out(chosen, withdrawn, username, reason)
        drop_catalogues(retired, drop_lock_seconds)
    return jobs


def _carry_out(chosen, withdrawn, username, reason):
    """Carry out a change; returns its jobs and the retired catalogues."""
    check_withdrawal(withdrawn, chosen)
    touched = [*chosen, *withdrawn]
    lock_results(touched)
    near = ids_overlapping([image.pk for image in touched])
    searches = list(GalImage.objects.searches().filter(pk__in=near).exclude(option_set=None))
    # By now, as deleting the results of an image deletes its options too.
    options, wanted = load_options(), {}
    for image in (*touched, *searches):
        wanted.setdefault(for_its_files(image, options), []).append(image.pk)
    make_references(chosen)
    retired = retire_references(withdrawn)
    if withdrawn:
        ids = [image.pk for image in withdrawn]
        transaction.on_commit(partial(async_task, CROSSMATCH_TASK, ids, group="reference"))
    note_chosen(chosen, username, reason)
    _write(LogStep.REFERENCE_WITHDRAWN, withdrawn, username, reason)
    return _enqueue(wanted, username), retired


def is_made(chosen_ids, withdrawn_ids) -> bool:
    """Whether a change was made already, as messages of the queue may come twice."""
    references = {image.pk: image.is_reference for image in _images([*chosen_ids, *withdrawn_ids])}
    wanted = dict.fromkeys(withdrawn_ids, False) | dict.fromkeys(chosen_ids, True)
    return references == wanted


def _check_as_known(chosen, withdrawn, known_ids):
    """Raise ChangedMeanwhileError if references changed since the decision."""
    changed = [image for image in chosen if image.is_reference]
    changed += [image for image in withdrawn if not image.is_reference]
    if known_ids is not None and chosen:
        now = _references_near(chosen)
        changed += _images(now ^ set(known_ids))
    if changed:
        raise ChangedMeanwhileError(last_changes_text(changed))


def _references_near(images):
    """Ids of other references that share sky with images."""
    ids = [image.pk for image in images]
    near = GalImage.objects.references().filter(pk__in=ids_overlapping(ids)).exclude(pk__in=ids)
    return set(near.values_list("pk", flat=True))


def last_changes_text(images) -> str:
    """Who last changed the references of images, and how, in words."""
    lines = history([image.exposure_id for image in images], n=2)
    told = "; ".join(
        f"{line.exposure}: {line.step}, {line.note}, {line.time:%Y-%m-%d %H:%M} UTC"
        for line in lines
    )
    what = told or f"{images[0]} is {'a reference' if images[0].is_reference else 'none'} now"
    return (
        f"The references here are not those that you decided about any more ({what}). Nothing "
        "was changed by you. Look at what is there now, and decide again"
    )


def _images(ids):
    images = GalImage.objects.filter(pk__in=list(ids)).select_related("exposure")
    return list(images.order_by("exposure_id", "ccdnum"))


def _check_free(images):
    if busy := next((image for image in images if image.status == Status.WORKING), None):
        raise GalprojectError(f"{busy} is being worked on, on {busy.host}. Wait until it has ended")


def _enqueue(wanted, username):
    """Enqueue images by their options, references first; returns the jobs."""
    enqueued = []
    for is_reference in (True, False):
        for options, ids in wanted.items():
            images = GalImage.objects.filter(pk__in=ids, is_reference=is_reference)
            enqueued += enqueue(images, options, requested_by=username)
    return enqueued


def note_chosen(images, username, reason=""):
    """Log who made exposures references."""
    _write(LogStep.REFERENCE_CHOSEN, images, username, reason)


def _write(step, images, username, reason):
    """A line in the log of each exposure."""
    chips = {}
    for image in images:
        chips.setdefault(image.exposure_id, []).append(image.chip_name)
    for exposure_id, names in chips.items():
        which = ", ".join(names) if len(names) <= 6 else f"{len(names)} chips"
        note = f"{which} by {username}" + (f": {reason}" if reason else "")
        GalCheckpoint.objects.create(exposure_id=exposure_id, step=step, note=note)


def log_refusal(image_ids, message):
    """Log why exposures' references were not changed."""
    images = GalImage.objects.filter(pk__in=image_ids).order_by()
    GalCheckpoint.objects.bulk_create(
        GalCheckpoint(
            exposure_id=pk, step=LogStep.REFERENCE, note=message, level=GalCheckpoint.Level.ERROR
        )
        for pk in images.values_list("exposure_id", flat=True).distinct()
    )


def queue_change(chosen_ids, withdrawn_ids, username, reason, known_ids):
    """Enqueue a change in which much has to be removed or processed."""
    arguments = list(chosen_ids), list(withdrawn_ids), username, reason, list(known_ids)
    task = partial(
        async_task, "galproject.references.tasks.change_reference", *arguments, group="reference"
    )
    transaction.on_commit(task)


def history(exposures, n=20) -> list[GalCheckpoint]:
    """The history of these exposures' references, newest first."""
    lines = GalCheckpoint.objects.filter(exposure__in=exposures, step__in=REFERENCE_STEPS)
    return list(lines.select_related("exposure").order_by("-pk")[:n])


def chips_of(exposure: GalExposure) -> list[GalImage]:
    """The chips of an exposure."""
    return list(exposure.images.select_related("exposure").order_by("ccdnum"))
