"""Reference sets: their members, possible members, and changes."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from django.db import connection, transaction
from django.db.models import Count, Sum
from django_q.tasks import async_task

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalImage, GalOptionSet, Status
from exposures.steps import LogStep
from galproject.configuration.loading import load_options
from galproject.processing.locking import references_locked
from galproject.processing.reference_choice import Renewal, renew_set
from galproject.references.overlaps import ids_overlapping
from galproject.references.quality import Quality, qualities
from photometry.models import GalCoverage, GalReference, GalReferenceMember, GalReferenceSet
from photometry.references.reference_sets import active_catalogue

# Beyond these a browser would wait too long: a worker does it.
MAX_ROWS = 500_000  # of galsources to be read
MAX_SHOWN = 20  # exposures that could join, on a page
N_SUGGESTED = 2  # to make a set of three, the smallest in which one can be outvoted

FAULTS = """
SELECT outlying_image_id, count(*)
FROM unnest(%s::bigint[], %s::bigint[]) AS catalogue (first, last)
JOIN galreferencemags ON refsource_id BETWEEN first AND last AND outlying_image_id > 0
GROUP BY 1
"""


@dataclass(frozen=True)
class Pairs:
    """Pairs of images, by which exposures join or leave the sets of a reference's chips."""

    primary: GalExposure
    members: tuple[GalExposure, ...]
    images: dict[int, tuple[int, ...]]  # ids of their galimages, by that of the primary

    @property
    def n_images(self) -> int:
        """The number of images whose variables are selected again."""
        return self._coverages().values("image").distinct().count()

    @property
    def is_large(self) -> bool:
        """Whether so much has to be read that a worker should do it."""
        total = self._coverages().aggregate(total=Sum("n_sources"))["total"]
        return (total or 0) > MAX_ROWS

    def _coverages(self):
        return GalCoverage.objects.filter(
            catalogue__image__in=self.images, catalogue__active=True
        ).order_by()


def possible_pairs(members, primary=None) -> list[Pairs]:
    """The sets that exposures can join, of one reference exposure or of all.

    Raises GalprojectError with the reason if one of them can join none.
    """
    found = []
    for member in members:
        covered = _coverages(member, primary)
        if not covered:
            raise GalprojectError(
                f"{member} can't be in a reference set: {_why_not(member, primary)}"
            )
        if any(coverage.n_non_detections is None for coverage in covered):
            raise GalprojectError(
                f"{member} was measured before sources without light were kept, which a set "
                "needs. Process it again: manage.py process_exposure --again"
            )
        found += [(coverage.catalogue.image, coverage.image) for coverage in covered]
    return _paired(found)


def pairs_now(members, primary=None) -> list[Pairs]:
    """The sets that exposures are in; raises GalprojectError if one is in none."""
    found = []
    for member in members:
        rows = GalReferenceMember.objects.filter(image__exposure=member)
        if primary is not None:
            rows = rows.filter(reference_set__image__exposure=primary)
        rows = list(rows.select_related("reference_set__image__exposure", "image__exposure"))
        if not rows:
            where = f"the reference set of {primary}" if primary else "any reference set"
            raise GalprojectError(
                f"{member} is not in {where}. manage.py reference_set list shows all"
            )
        found += [(row.reference_set.image, row.image) for row in rows]
    return _paired(found)


def _coverages(member, primary):
    covered = GalCoverage.objects.filter(image__exposure=member, catalogue__active=True)
    if primary is not None:
        covered = covered.filter(catalogue__image__exposure=primary)
    related = "catalogue__image__exposure", "image__exposure"
    return list(covered.select_related(*related).order_by("catalogue_id", "image_id"))


def _paired(found):
    """Pairs of (image of a primary, image of a member), one for each exposure of primaries."""
    primaries, members = {}, defaultdict(dict)
    images = defaultdict(lambda: defaultdict(list))
    for primary, member in found:
        primaries[primary.exposure_id] = primary.exposure
        members[primary.exposure_id][member.exposure_id] = member.exposure
        images[primary.exposure_id][primary.pk].append(member.pk)
    return [
        Pairs(
            primary,
            tuple(members[pk].values()),
            {key: tuple(ids) for key, ids in sorted(images[pk].items())},
        )
        for pk, primary in primaries.items()
    ]


def _why_not(member, primary):
    images = member.images.all()
    if primary == member:
        return "it is the primary itself"
    if primary is not None and primary.filter != member.filter:
        return f"it is in {member.filter}, and {primary} in {primary.filter}"
    if primary is not None and not primary.images.references().exists():
        return f"{primary} is no reference. Make it one first: process_exposure --reference"
    if images.exists() and not images.searches().exists():
        return "it is a reference itself. Make it a search image first, on the page of references"
    if not images.filter(status=Status.DONE).exists():
        return "it is not measured yet. Process it first: manage.py process_exposure"
    if primary is not None:
        near = ids_overlapping(primary.images.values_list("pk", flat=True))
        if not images.filter(pk__in=near).exists():
            return f"it shares no sky with {primary}"
    return "it was not measured with that reference. Process it again: process_exposure --again"


def change_sets(pairs, is_added, username, reason="", progress=None) -> list[Renewal]:
    """Add images to reference sets or remove them, and update what depends on it.

    Each chip of the primary has a transaction of its own. Who did it and why is in the primary's
    log.
    """
    with references_locked(GalImage.objects.filter(pk__in=pairs.images).select_related("exposure")):
        return _change_sets(pairs, is_added, username, reason, progress)


def _change_sets(pairs, is_added, username, reason, progress):
    renewals = []
    for primary_id, image_ids in pairs.images.items():
        primary = GalImage.objects.select_related("exposure").get(pk=primary_id)
        change = _add if is_added else _remove
        renewals.append(change(primary, image_ids, username, progress))
    names = ", ".join(map(str, pairs.members))
    GalCheckpoint.objects.create(
        exposure=pairs.primary,
        step=LogStep.MEMBER_ADDED if is_added else LogStep.MEMBER_REMOVED,
        note=f"{names} by {username}" + (f": {reason}" if reason else ""),
    )
    return renewals


@transaction.atomic
def _add(primary, image_ids, username, progress):
    if active_catalogue(primary) is None:
        raise GalprojectError(f"{primary} is no reference any more, or is still to be measured")
    options = load_options().as_json()["reference_sets"]
    found, _ = GalReferenceSet.objects.get_or_create(
        image=primary, defaults={"option_set": GalOptionSet.objects.of(options)}
    )
    GalReferenceMember.objects.bulk_create(
        [
            GalReferenceMember(reference_set=found, image_id=pk, added_by=username)
            for pk in image_ids
        ],
        ignore_conflicts=True,
    )
    return renew_set(found, progress)


@transaction.atomic
def _remove(primary, image_ids, _, progress):
    found = GalReferenceSet.objects.filter(image=primary).first()
    if found is None:
        return Renewal(0, 0, 0)
    found.members.filter(image__in=image_ids).delete()
    renewal = renew_set(found, progress)
    if not found.members.exists():
        found.delete()
    return renewal


def update_set(primary, progress=None) -> list[Renewal]:
    """Compute the sets of a reference exposure again with the current options."""
    options = load_options().as_json()["reference_sets"]
    sets = GalReferenceSet.objects.filter(image__exposure=primary)
    sets.update(option_set=GalOptionSet.objects.of(options))
    return [renew_set(found, progress) for found in sets.select_related("image").order_by("pk")]


@dataclass(frozen=True)
class MemberSummary:
    """An exposure in the sets of a reference exposure."""

    exposure: GalExposure
    n_chips: int
    fwhm_arcsec: float | None
    n_at_fault: int  # sources that this exposure has wrong, and the others agree on
    added_by: str


@dataclass(frozen=True)
class SetSummary:
    """The sets of a reference exposure's chips."""

    primary: GalExposure
    n_chips: int  # that have a set
    n_sources: int  # with a mean of several images
    n_at_fault: int  # of these, wrong on the primary
    members: tuple[MemberSummary, ...]


def summaries(filter_name=None) -> list[SetSummary]:
    """All reference exposures that have a set."""
    sets = GalReferenceSet.objects.all()
    if filter_name:
        sets = sets.filter(image__exposure__filter=filter_name)
    exposures = GalExposure.objects.filter(images__reference_set__in=sets).distinct()
    return [summary(exposure) for exposure in exposures.order_by("mjd", "pk")]


def summary(primary) -> SetSummary:
    """The sets of one reference exposure, possibly without members."""
    sets = GalReferenceSet.objects.filter(image__exposure=primary)
    total = sets.aggregate(n=Count("pk"), sources=Sum("n_sources"), fault=Sum("n_at_fault"))
    faults, members = _faults_by_image(sets), defaultdict(list)
    rows = GalReferenceMember.objects.filter(reference_set__in=sets)
    for row in rows.select_related("image__exposure"):
        members[row.image.exposure].append(row)
    return SetSummary(
        primary,
        total["n"],
        total["sources"] or 0,
        total["fault"] or 0,
        tuple(_member(exposure, rows, faults) for exposure, rows in members.items()),
    )


def _member(exposure, rows, faults):
    images = {row.image_id: row.image for row in rows}
    seeing = sorted(i.fwhm_arcsec for i in images.values() if i.fwhm_arcsec is not None)
    return MemberSummary(
        exposure,
        len(images),
        seeing[len(seeing) // 2] if seeing else None,
        sum(faults.get(pk, 0) for pk in images),
        rows[0].added_by,
    )


def _faults_by_image(sets):
    """{image id: number of sources on which it is at fault} in the catalogues of sets."""
    catalogues = GalReference.objects.filter(image__in=sets.values("image"), active=True)
    first, last = (
        zip(*(one.id_range for one in catalogues), strict=True) if catalogues else ((), ())
    )
    with connection.cursor() as cursor:
        cursor.execute(FAULTS, [list(first), list(last)])
        return defaultdict(int, cursor.fetchall())


def possible_members(primary) -> list[Quality]:
    """The exposures that could join a reference exposure's sets, best first."""
    measured = GalCoverage.objects.filter(
        catalogue__image__exposure=primary, catalogue__active=True, n_non_detections__isnull=False
    )
    there = GalReferenceMember.objects.filter(reference_set__image__exposure=primary)
    exposures = GalExposure.objects.filter(pk__in=measured.values("image__exposure"))
    exposures = exposures.exclude(pk__in=there.order_by().values("image__exposure"))
    return [q for q in qualities(list(exposures)) if q.rank is not None]


def pairs_of(primary_id, member_ids, is_added) -> list[Pairs]:
    """The Pairs of exposures by their ids; raises GalprojectError."""
    primary = GalExposure.objects.get(pk=primary_id)
    members = list(GalExposure.objects.filter(pk__in=list(member_ids)).order_by("mjd"))
    return (possible_pairs if is_added else pairs_now)(members, primary)


def queue_set_change(primary_id, member_ids, is_added, username, reason=""):
    """Enqueue a change of sets for which much has to be read."""
    arguments = primary_id, list(member_ids), is_added, username, reason
    task = partial(async_task, "galproject.references.tasks.change_reference_set", *arguments)
    transaction.on_commit(partial(task, group="reference"))
