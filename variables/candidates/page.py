"""The contents of a candidate's page: epochs, cutouts, chip, neighbours and flags."""

from dataclasses import dataclass
from urllib.parse import urlencode

from exposures.models import GalImage, GalPublishedCatalogue
from exposures.published_ids import published_catalogue_of
from exposures.science.orientation import Orientation, orientation_of
from photometry.models import GalMotion, GalSource
from photometry.querysets.objects import MatchKind
from photometry.reduction.added_sources import ADDED
from photometry.science.extended_sources import EXTENDED
from variables.candidates.added import AddedSource, added_source
from variables.candidates.calibrated import CalibratedMagnitude, calibrated_magnitude
from variables.candidates.changed_star import ChangedStarFacts, changed_stars_of
from variables.candidates.columns import COLUMNS
from variables.candidates.known import PublishedMatch, published_matches
from variables.candidates.neighbours import Neighbourhood, neighbourhood
from variables.models import GalCandidate, GalFlag, GalPeriod, GalTrendStar, GalVarObj
from variables.pictures.compass import Compass, compass_of
from variables.pictures.cutouts import cutout_layout
from variables.pictures.paths import cutouts_url, picture_url
from variables.votes.blindness import note_shown
from variables.votes.scores import SeenScore, show_scores

# Field, heading, unit, digits after the decimal point.
STATISTICS = (
    ("mean_mag", "mean", "mag", 3),
    ("rms_mag", "rms", "mag", 3),
    ("amplitude_mag", "amplitude", "mag", 3),
    ("chi2_nu", "χ²/ν", "", 1),
    ("von_neumann", "von Neumann", "", 2),
    ("skewness", "skewness", "", 2),
    ("max_delta_mag", "largest change", "mag", 2),
    ("max_significance", "significance", "σ", 0),
)
MEANINGS = {column.name: column.meaning for column in COLUMNS}
# Those of DECam, for images whose size is not known.
WIDTH, HEIGHT = 2046, 4094
SEARCH_RADIUS_ARCSEC = 5


@dataclass(frozen=True)
class EpochCutouts:
    """The cutouts of one epoch."""

    x: int  # of its column in the picture
    image: GalImage
    change: GalVarObj | None

    @property
    def significance(self):
        return self.change.significance if self.change else 0

    @property
    def state(self):
        """What its frame shows: "detected", "doubtful" (fails a cut or is flagged) or ""."""
        if self.change is None:
            return ""
        return "doubtful" if self.change.failed_cuts or self.change.is_flagged else "detected"

    @property
    def change_text(self):
        """The change in words, to follow the epoch's; "" if there is none."""
        if self.change is None:
            return ""
        by = self.change.delta_mag
        doubt = ", fails a cut or is flagged" if self.state == "doubtful" else ""
        return f" · {self.change.kind if by is None else f'{by:.2f} mag'}{doubt}"


@dataclass(frozen=True)
class Cutouts:
    """All cutouts of a candidate, in one picture."""

    url: str
    size: int  # of a tile, pixels
    tiles: tuple[EpochCutouts, ...]
    compass: Compass | None  # None if it is not known how the sky lies on the chip

    @property
    def width(self):
        return self.size * (1 + len(self.tiles))

    @property
    def height(self):
        return 2 * self.size

    @property
    def shown(self):
        """The tile shown first: the most significant detection, else change, else epoch one."""
        return max(self.tiles, key=lambda tile: (tile.state == "detected", tile.significance))


@dataclass(frozen=True)
class PositionOnChip:
    """The position of a candidate on its chip, shown with north as nearly up as possible."""

    width: int  # of the chip, pixels
    height: int
    x: float  # on the chip
    y: float
    picture: str | None  # an address
    orientation: Orientation

    @property
    def shown_size(self):
        """Width and height of the picture as shown."""
        return self.orientation.size(self.width, self.height)

    @property
    def matrix(self):
        """The transformation from chip pixels to the picture, as an SVG matrix."""
        return self.orientation.svg_matrix(self.width, self.height)

    @property
    def top(self):
        """The y at the top of the picture, the highest of the chip."""
        return self.height - 1


@dataclass(frozen=True)
class Statistic:
    """A statistic of a light curve with its label and text."""

    heading: str
    meaning: str
    text: str
    unit: str


@dataclass(frozen=True)
class CandidatePage:
    """The contents of a candidate's page that need no further request."""

    candidate: GalCandidate
    changes: tuple[GalVarObj, ...]  # oldest first
    neighbourhood: Neighbourhood
    cutouts: Cutouts | None  # None if none are rendered yet
    chip: PositionOnChip
    flags: tuple[GalFlag, ...]  # on the source itself, the newest first
    statistics: tuple[Statistic, ...]
    links: tuple[tuple[str, str], ...]  # (name, address) of other archives
    calibrated: CalibratedMagnitude | None  # None where its reference has no zero point
    motion: GalMotion | None  # of the source; None where it is unknown
    motion_source: str  # the published catalogue that it is of; "" where it is of none
    is_extended: bool  # whether the source is a member of an extended source
    added: AddedSource | None  # of one that the reference missed
    periods: tuple[GalPeriod, ...]  # of all its light curves, the likeliest first
    has_trends: bool  # whether trends can be taken off its light curves, in any filter
    siblings: tuple[GalCandidate, ...]  # candidates of the same object, with visible classes
    published: tuple[PublishedMatch, ...]  # with catalogues in use, those of variables first
    score: SeenScore | None  # of a model; None where there is none, or before the user's own vote
    changed_star: ChangedStarFacts | None  # which star changes; None where nothing was fitted

    @property
    def matches(self):
        return self.neighbourhood.matches(self.candidate)

    @property
    def object_id(self):
        itself = self.neighbourhood.itself
        return itself and itself.first.object_id

    @property
    def is_blend(self):
        itself = self.neighbourhood.itself
        return itself is not None and itself.is_blend

    @property
    def is_doubtful(self):
        """Whether the match of its sources in several filters is uncertain."""
        itself = self.neighbourhood.itself
        return itself is not None and itself.first.kind == MatchKind.DOUBTFUL


def candidate_page(candidate, user) -> CandidatePage:
    """Collect the contents of a candidate's page that ``user`` may see, in nineteen queries."""
    changes = GalVarObj.objects.of_source(candidate.pk).select_related("image__exposure")
    flags = GalFlag.objects.filter(refsource_id=candidate.pk).with_people()
    siblings = tuple(_siblings(candidate, user))
    note_shown(user, [candidate.pk, *(one.pk for one in siblings)])
    around = neighbourhood(candidate)
    motion = GalMotion.objects.filter(pk=candidate.pk).first()
    on_reference = _flags_on_reference(candidate)
    return CandidatePage(
        candidate=candidate,
        changes=tuple(changes),
        neighbourhood=around,
        cutouts=_cutouts(candidate, {change.image_id: change for change in changes}),
        chip=_chip(candidate),
        flags=tuple(flags.order_by("-pk")),
        statistics=tuple(_statistic(candidate, *described) for described in STATISTICS),
        links=links(candidate.ra, candidate.dec),
        calibrated=calibrated_magnitude(candidate),
        motion=motion,
        motion_source=_motion_source(motion),
        is_extended=bool(on_reference & EXTENDED),
        added=added_source(candidate.pk) if on_reference & ADDED else None,
        periods=tuple(GalPeriod.objects.filter(refsource_id=candidate.pk).order_by("rank")),
        has_trends=_has_trends(candidate, around),
        siblings=siblings,
        published=published_matches(candidate),
        score=show_scores([candidate.pk], user).get(candidate.pk),
        changed_star=changed_stars_of({candidate.pk: candidate}).get(candidate.pk),
    )


def _motion_source(motion):
    if motion is None or not motion.star_id:
        return ""
    number = published_catalogue_of(motion.star_id)
    published = GalPublishedCatalogue.objects.filter(pk=number).first()
    return str(published or "a catalogue that is gone")


def _has_trends(candidate, around):
    ids = [candidate.pk, *(match.refsource_id for match in around.matches(candidate))]
    return GalTrendStar.objects.filter(pk__in=ids).exists()


def _flags_on_reference(candidate):
    on_reference = GalSource.objects.filter(refsource_id=candidate.pk, is_reference=True)
    return on_reference.values_list("flags", flat=True).first() or 0


def _siblings(candidate, user):
    """Candidates in other filters, and of overlapping catalogues, that are the same object."""
    same = GalCandidate.objects.of_object_of(candidate.pk).current().exclude(pk=candidate.pk)
    return same.as_seen_by(user).select_related("consensus").order_by("filter", "pk")


def _cutouts(candidate, changes):
    layout, url = cutout_layout(candidate.pk), cutouts_url(candidate.pk)
    if layout is None or url is None or not layout.image_ids:
        return None
    images = GalImage.objects.select_related("exposure").in_bulk(layout.image_ids)
    tiles = [
        EpochCutouts(layout.tile * column, images[image_id], changes.get(image_id))
        for column, image_id in enumerate(layout.image_ids, 1)
        if image_id in images  # else it was forgotten since
    ]
    compass = compass_of(candidate.image.orientation, layout.tile)
    return Cutouts(url, layout.tile, tuple(tiles), compass) if tiles else None


def _statistic(candidate, name, heading, unit, digits):
    value = getattr(candidate, name)
    text = "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
    return Statistic(heading, MEANINGS[name], text, unit if value is not None else "")


def _chip(candidate):
    image = candidate.image
    width, height = image.width or WIDTH, image.height or HEIGHT
    orientation = orientation_of(image.footprint, width, height)
    place = candidate.x, candidate.y
    return PositionOnChip(width, height, *place, picture_url(image), orientation)


def links(ra, dec) -> tuple[tuple[str, str], ...]:
    """Links to other archives at a position in degrees; pages fetch nothing from them."""
    place = f"{ra:.6f} {dec:+.6f}"
    near = {"Radius": SEARCH_RADIUS_ARCSEC, "Radius.unit": "arcsec"}
    vizier = {"-c": place, "-c.rs": SEARCH_RADIUS_ARCSEC, "-out.add": "_r"}
    vizier_page = "https://vizier.cds.unistra.fr/viz-bin/VizieR-4?"
    simbad = {"Coord": place, "CooFrame": "ICRS", **near}
    vsx, gaia = {"-source": "B/vsx/vsx", **vizier}, {"-source": "I/355/gaiadr3", **vizier}
    aladin = {"target": place, "fov": 0.02, "survey": "CDS/P/DECaPS/DR2/color"}
    return (
        ("SIMBAD", f"https://simbad.cds.unistra.fr/simbad/sim-coo?{urlencode(simbad)}"),
        ("VSX", vizier_page + urlencode(vsx)),
        ("Gaia DR3", vizier_page + urlencode(gaia)),
        ("Aladin", f"https://aladin.cds.unistra.fr/AladinLite/?{urlencode(aladin)}"),
    )
