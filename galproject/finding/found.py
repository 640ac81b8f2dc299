"""Things of the survey by their id, name or position."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse

from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer
from exposures.models import GalExposure, GalField
from exposures.science.positions import PositionError, read_position
from photometry.models import GalObject, GalSource
from variables.candidates.filters import DEFAULT_RADIUS_ARCSEC
from variables.models import Campaign, GalCandidate, GalSuccession, SavedSearch, StarList

MAX_FOUND = 10  # of each kind
MAX_LENGTH = 100  # characters
NEARBY_ARCSEC = 5.0


@dataclass(frozen=True)
class Found:
    """A thing that goes by what was typed, with the address of its page."""

    kind: str
    name: str
    url: str
    detail: str = ""


def find(text: str, user: User) -> list[Found]:
    """All that ``user`` may have meant, what is named exactly so first; at most MAX_FOUND a kind.

    A text is a position in any notation, the id of a source, object or candidate, the identifier of
    an exposure or a part of it, the beginning of a known variable's name, or a part of the name of
    a field, campaign, list of stars or saved search.
    """
    return [*_at_position(text), *_by_number(text), *_by_name(text, user)]


def _at_position(text: str) -> Iterator[Found]:
    try:
        ra, dec = read_position(text)
    except PositionError:
        return
    yield _candidates_near(ra, dec, DEFAULT_RADIUS_ARCSEC)


def _candidates_near(ra: float, dec: float, radius: float) -> Found:
    place = f"{ra:.6f} {dec:+.6f}"
    query = urlencode({"position": place, "radius": f"{radius:g}"})
    name = f"Candidates within {radius:g}″ of {place}"
    return Found("position", name, f"{reverse('candidates')}?{query}")


def _by_number(text: str) -> Iterator[Found]:
    try:
        number = parse_integer(text, 0, BIGINT_MAX)
    except NumberError:
        return
    yield from _of_source(number)
    matched = GalObject.objects.filter(pk=number).first()
    if matched is not None:
        url = f"{reverse('candidates')}?{urlencode({'object': number, 'undetected': 'both'})}"
        yield Found("object", f"Object {number}", url, f"of {matched.n_sources} in all filters")


def _of_source(refsource_id: int) -> Iterator[Found]:
    candidate = GalCandidate.objects.filter(pk=refsource_id).first()
    if candidate is not None:
        yield Found(
            "candidate", f"Candidate {refsource_id}", _page_of(refsource_id), _star(candidate)
        )
        return
    if (latest := GalSuccession.objects.latest_of(refsource_id)) is not None:
        yield Found("candidate", f"Candidate {latest}", _page_of(latest), f"was {refsource_id}")
        return
    own = GalSource.objects.light_curve(refsource_id).reference()
    source = own.values("ra", "dec", "mag").first()
    if source is not None:
        near = _candidates_near(source["ra"], source["dec"], NEARBY_ARCSEC)
        detail = f"{_mag(source['mag'])}, no candidate: {near.name[0].lower()}{near.name[1:]}"
        yield Found("source", f"Source {refsource_id}", near.url, detail)


def _page_of(refsource_id: int) -> str:
    return reverse("candidate", args=[refsource_id])


def _star(candidate: GalCandidate) -> str:
    return f"{candidate.filter} {_mag(candidate.reference_mag)}"


def _mag(mag: float | None) -> str:
    return "without a magnitude" if mag is None else f"{mag:.2f} mag"


def _by_name(text: str, user: User) -> Iterator[Found]:
    yield from _exposures(text)
    yield from _known(text)
    for field in GalField.objects.filter(name__icontains=text)[:MAX_FOUND]:
        near = _candidates_near(field.ra, field.dec, 3600 * min(field.radius, 10))
        yield Found("field", field.name, near.url, near.name)
    for campaign in Campaign.objects.filter(name__icontains=text)[:MAX_FOUND]:
        yield Found("campaign", campaign.name, reverse("campaign", args=[campaign.pk]))
    for stars in StarList.objects.filter(name__icontains=text)[:MAX_FOUND]:
        yield Found("list of stars", stars.name, reverse("star_list", args=[stars.pk]))
    searches = SavedSearch.objects.seen_by(user).filter(name__icontains=text)
    for search in searches[:MAX_FOUND]:
        yield Found("saved search", search.name, f"{reverse('candidates')}?{search.query}")


def _known(text: str) -> Iterator[Found]:
    named = GalCandidate.objects.filter(known_name__isnull=False, known_name__istartswith=text)
    # Of names and ids alone, which an index has: rows are read of those that are shown.
    ids = [
        pk
        for _, pk in named.order_by("known_name", "pk").values_list("known_name", "pk")[:MAX_FOUND]
    ]
    for one in GalCandidate.objects.filter(pk__in=ids).order_by("known_name", "pk"):
        detail = f"candidate {one.pk}, {_star(one)}"
        yield Found("known variable", one.known_name or "", _page_of(one.pk), detail)


def _exposures(text: str) -> Iterator[Found]:
    """Those of just this identifier, which may be of several instruments; else those alike."""
    alike = GalExposure.objects.filter(Q(identifier__icontains=text) | Q(object_name__iexact=text))
    found = list(alike.order_by("-mjd")[:MAX_FOUND])
    exact = list(GalExposure.objects.filter(identifier=text)) if found else []
    for exposure in exact or found:
        detail = f"{exposure.object_name or 'no object'}, {exposure.filter}, MJD {exposure.mjd:.4f}"
        url = reverse("exposure", args=[exposure.pk])
        yield Found("exposure", f"Exposure {exposure.identifier}", url, detail)
