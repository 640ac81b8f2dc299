"""The first look at a demonstration: a campaign with each kind of candidate, and hints."""

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from exposures.models import GalExposure
from galproject.references import sets
from variables.models import Campaign, GalCandidate, GalVarObj, Taxonomy
from variables.models.causes import Cause
from variables.models.known import Known
from variables.science.period_agreement import PeriodAgreement
from variables.vetting.campaigns import NewCampaign, freeze

NAME = "Something of each kind"
N_OF_EACH = 3
SITE = "http://127.0.0.1:8000"
VANISHED = GalVarObj.objects.filter(
    refsource_id=OuterRef("pk"), kind=GalVarObj.Kind.VANISHED, failed_cuts=0, is_flagged=False
)
NO_ARTIFACT = Q(cause=Cause.REAL)
OTHER_PERIODS = [one.value for one in PeriodAgreement if one not in ("none", "agrees")]
KINDS = {
    "new": Q(kind=GalCandidate.Kind.NEW),
    "vanished": Exists(VANISHED),
    "repeated": NO_ARTIFACT & Q(star_detections__gt=2),
    "varies": NO_ARTIFACT & Q(kind=GalCandidate.Kind.VARIES),
    "detected once": NO_ARTIFACT & Q(star_detections=1),
    **{str(cause): Q(cause=cause) for cause in Cause if cause != Cause.REAL},
    "known": Q(known=Known.KNOWN),
    "perhaps known": Q(known=Known.CANT_BE_TOLD),
    "known with another period": Q(known=Known.KNOWN, period_agreement__in=OTHER_PERIODS),
}


def of_each_kind() -> dict[str, list[int]]:
    """{kind: ids of its most significant candidates} for each kind that occurs.

    A candidate that is of two kinds is there once.
    """
    found, taken = {}, []
    for kind, fits in KINDS.items():
        candidates = GalCandidate.objects.accepted().one_a_star().filter(fits)
        candidates = candidates.exclude(pk__in=taken).order_by("-max_significance", "pk")
        ids = list(candidates.values_list("pk", flat=True)[:N_OF_EACH])
        if ids:
            found[kind] = ids
            taken += ids
    return found


def make_first_look(user) -> Campaign | None:
    """The first-look campaign, made if missing; None if there are no candidates.

    On a card each, which fits all kinds.
    """
    if there := Campaign.objects.filter(name=NAME).first():
        return there
    ids = [pk for some in of_each_kind().values() for pk in some]
    if not ids:
        return None
    new = NewCampaign(NAME, lane=Campaign.Lane.CARD)
    chosen = GalCandidate.objects.filter(pk__in=ids)
    return freeze(new, chosen, Taxonomy.objects.get(is_current=True), user)


def what_to_look_at(user) -> list[str]:
    """Lines that name the first page, how to get there, and what to try from it.

    ``user`` makes the campaign, where it is not there yet.
    """
    database = settings.GALPROJECT_DATABASE
    serve = f"make serve GALPROJECT_DATABASE={database}" if database else "make serve"
    lines = [f"  {serve}: then the first page is {SITE}/"]
    if campaign := make_first_look(user):
        lines.append(f"  {SITE}{reverse('vet', args=[campaign.pk])}: something of each kind to vet")
    best = GalCandidate.objects.accepted().order_by("-star_detections", "pk").first()
    if best:
        lines.append(f"  {SITE}{best.get_absolute_url()}: the variable detected most often")
    return lines + _set_to_try(database)


def _set_to_try(database):
    """Lines on how to make a reference set of the reference with most other images."""
    references = GalExposure.objects.filter(images__is_reference=True).distinct().order_by("pk")
    found = {primary: sets.possible_members(primary) for primary in references}
    primary = max(found, key=lambda one: len(found[one]), default=None)
    if primary is None or len(found[primary]) < sets.N_SUGGESTED:
        return []
    names = " ".join(q.exposure.identifier for q in found[primary][: sets.N_SUGGESTED])
    variable = f"GALPROJECT_DATABASE={database} " if database else ""
    command = f".venv/bin/python manage.py reference_set add {names}"
    image = primary.images.filter(is_reference=True).order_by("ccdnum").first()
    page = reverse("references_preview", args=[image.pk])
    return [
        f"  {variable}{command} --primary {primary.identifier}: a reference set to try;",
        f"    its page is {SITE}{page}",
    ]
