"""Which star changes: the place of a candidate's change, and the odds of its neighbours."""

from dataclasses import asdict, dataclass

import numpy as np

from exposures.science.angles import tangent_offsets
from photometry.models import GalSource
from variables.candidates.positions import direction
from variables.models import GalCandidate, GalChangePosition
from variables.pictures.sprite import TILE
from variables.science.changed_star import Doubt

LEAST_ODDS = 0.001  # of what is listed, but for the candidate itself
DRAWN_SIGMA = 2.0  # of the ellipse on cutouts
LEAST_RADIUS = 1.5  # of it, in hundredths of a cutout's side, so that it can be seen
DOUBTS = {
    Doubt.ONE_EPOCH: "a single image tells",
    Doubt.MASKED: "much of the change is on masked pixels",
    Doubt.SECOND: "another star nearby changes as well, or what changes is no star",
    Doubt.MOVES: "a star moved rather than changed",
    Doubt.EDGE: "the change is at the edge of where it was looked for",
    Doubt.FAINT: "the change is too faint to have a place",
}


@dataclass(frozen=True)
class StarOdds:
    """A star that may be the one that changes."""

    refsource_id: int
    odds: float
    distance_arcsec: float  # from the candidate
    towards: str  # in words; "" of the candidate itself
    mag: float | None  # on the reference; None where it has none
    is_candidate: bool  # so that it has a page
    is_itself: bool

    @property
    def odds_text(self) -> str:
        """The odds in per cent."""
        return percent(self.odds)


@dataclass(frozen=True)
class PlaceMark:
    """The place of a change on a cutout and its error, in hundredths of the cutout's side."""

    x: float
    y: float
    radius_x: float  # of DRAWN_SIGMA, before it is turned
    radius_y: float
    turned: float  # degrees, as SVG turns


@dataclass(frozen=True)
class ChangedStarFacts:
    """What the fit of a candidate's change tells people."""

    sentence: str
    doubts: tuple[str, ...]
    stars: tuple[StarOdds, ...]  # the likeliest first
    odds_of_none: float
    mark: PlaceMark | None  # None where the change has no place
    error_arcsec: float | None
    n_images: int
    move_to: int | None  # the likeliest star, where that is another

    @property
    def none_text(self) -> str:
        """The odds of none of the stars in per cent."""
        return percent(self.odds_of_none)

    def as_json(self) -> dict:
        """What a card shows."""
        return {
            "sentence": self.sentence,
            "doubts": list(self.doubts),
            "mark": self.mark and asdict(self.mark),
            # As text: a number this long is at the limit of what a browser counts exactly.
            "move_to": None if self.move_to is None else str(self.move_to),
        }


def percent(odds) -> str:
    """Odds in per cent, never as certain."""
    if odds > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if odds < 0.001 else f"{100 * odds:.{0 if 0.1 < odds < 0.95 else 1}f} %"


def changed_stars_of(candidates) -> dict[int, ChangedStarFacts]:
    """{refsource_id: ChangedStarFacts} of candidates by their ids, of those that have them."""
    rows = GalChangePosition.objects.in_bulk(list(candidates))
    ids = {pk for row in rows.values() for pk, odds, _ in row.neighbours if odds >= LEAST_ODDS}
    places = _places(ids)
    known = set(GalCandidate.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return {pk: _facts(candidates[pk], row, places, known) for pk, row in rows.items()}


def _places(ids):
    """{refsource_id: (ra, dec, mag)} on the reference."""
    sources = GalSource.objects.filter(refsource_id__in=list(ids), is_reference=True)
    return {pk: place for pk, *place in sources.values_list("refsource_id", "ra", "dec", "mag")}


def _facts(candidate, row, places, known):
    stars = sorted(
        (
            _star(candidate, pk, odds, places, known)
            for pk, odds, _ in row.neighbours
            if pk == candidate.pk or (odds >= LEAST_ODDS and pk in places)
        ),
        key=lambda star: -star.odds,
    )
    doubts = tuple(text for doubt, text in DOUBTS.items() if doubt in row.doubted)
    is_placed = row.x is not None
    likeliest = next((star for star in stars if star.refsource_id == row.likeliest_id), None)
    is_another = likeliest is not None and not likeliest.is_itself and is_placed
    return ChangedStarFacts(
        _sentence(candidate, row, likeliest),
        doubts,
        tuple(stars),
        row.odds_of_none,
        _mark(candidate, row) if is_placed else None,
        row.error_arcsec,
        len(row.image_ids),
        likeliest.refsource_id if is_another else None,
    )


def _star(candidate, pk, odds, places, known):
    ra, dec, mag = places.get(pk, (candidate.ra, candidate.dec, candidate.reference_mag))
    east, north = _offset(candidate, ra, dec)
    is_itself = pk == candidate.pk
    return StarOdds(
        refsource_id=pk,
        odds=odds,
        distance_arcsec=float(np.hypot(east, north)),
        towards="" if is_itself else direction(east, north),
        mag=None if mag is None or not np.isfinite(mag) else mag,
        is_candidate=pk in known,
        is_itself=is_itself,
    )


def _offset(candidate, ra, dec):
    """Arcseconds east and north of a candidate."""
    offsets = tangent_offsets(ra, dec, candidate.ra, candidate.dec)
    return tuple(3600 * float(offset) for offset in offsets)


def _sentence(candidate, row, likeliest):
    if row.x is None:
        return "The change is too faint to tell which star it is of."
    odds = percent(row.likeliest_odds)
    if likeliest is None:
        east, north = _offset(candidate, row.ra, row.dec)
        distance = np.hypot(east, north)
        return (
            f"Most likely none of the stars listed: the change is {distance:.1f}″ "
            f"{direction(east, north)} of this one, {odds}."
        )
    if likeliest.is_itself:
        return f"Most likely this star itself, {odds}."
    return (
        f"Most likely the star {likeliest.distance_arcsec:.1f}″ {likeliest.towards}, {odds}, "
        "not this one."
    )


def _mark(candidate, row):
    """The PlaceMark: cutouts are centred on a whole pixel, with the turn of their catalogue."""
    turn = np.array(candidate.image.orientation.turn, float) * [[1], [-1]]  # right, down
    right, down = turn @ (row.x - round(candidate.x), row.y - round(candidate.y))
    covariance = row.xy_correlation * row.x_err * row.y_err
    errors = turn @ [[row.x_err**2, covariance], [covariance, row.y_err**2]] @ turn.T
    variances, axes = np.linalg.eigh(errors)
    radii = DRAWN_SIGMA * 100 / TILE * np.sqrt(np.maximum(variances, 0))
    return PlaceMark(
        x=round(50 + 100 * right / TILE, 2),
        y=round(50 + 100 * down / TILE, 2),
        radius_x=round(max(radii[1], LEAST_RADIUS), 2),
        radius_y=round(max(radii[0], LEAST_RADIUS), 2),
        turned=round(float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))), 1),
    )
