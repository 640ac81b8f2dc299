"""Published colours and absolute magnitudes of sources, by the stars that they are."""

from dataclasses import dataclass

import numpy as np

from exposures.models import GalPublishedCatalogue
from exposures.published_catalogues import PublishedKind
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import catalogue_of
from photometry.match_model import GalMatchRun
from photometry.matching.counterparts import counterparts
from photometry.science.parallaxes import absolute_magnitudes

# Two bands whose difference is the colour of a star, the first that a catalogue has.
GAIAS = ("BP", "RP")
COLOURS = (GAIAS, ("g", "i"), ("g", "r"), ("V", "I"), ("J", "Ks"))
# All stars of the survey have the colour of one catalogue, so that they can be compared: Gaia's
# rather than another's, as it has parallaxes.
KINDS = (PublishedKind.ASTROMETRIC, PublishedKind.PHOTOMETRIC)


@dataclass(frozen=True)
class ColourCatalogue:
    """The published catalogue whose colours stars have."""

    published: GalPublishedCatalogue
    blue: str  # bands
    red: str

    @property
    def colour_name(self) -> str:
        """The colour in words, such as BP − RP."""
        return f"{self.blue} − {self.red}"

    @property
    def main_band(self) -> str:
        return self.published.bands[0]

    def columns(self) -> dict[str, str]:
        """Expressions in galpublishedstars p."""
        blue, red = (self.published.bands.index(band) + 1 for band in (self.blue, self.red))
        colour = {"colour": f"p.mags[{blue}] - p.mags[{red}]"}
        return colour | {name: f"p.{name}" for name in ("mag", "parallax", "parallax_err")}


@dataclass(frozen=True)
class PublishedColours:
    """What is published of k sources; NaN where the catalogue doesn't say."""

    refsource_id: np.ndarray  # (k,) int64, in order
    colour: np.ndarray  # (k,) mag
    mag: np.ndarray  # (k,) of the main band
    absolute_mag: np.ndarray  # (k,) of it; NaN where the parallax is not good enough, too


def colour_catalogue() -> ColourCatalogue | None:
    """The ColourCatalogue in use; None where no catalogue in use has two bands for a colour."""
    in_use = GalPublishedCatalogue.objects.in_use().filter(kind__in=KINDS).order_by("name")
    for published in sorted(in_use, key=lambda one: KINDS.index(one.kind)):
        for blue, red in COLOURS:
            if {blue, red} <= set(published.bands):
                return ColourCatalogue(published, blue, red)
    return None


def all_published_colours(reference_id: int) -> PublishedColours:
    """The PublishedColours of all sources of a reference that are published stars.

    None of them where no catalogue in use has colours.
    """
    catalogue = colour_catalogue()
    if catalogue is None:
        return PublishedColours(np.zeros(0, "i8"), *np.zeros((3, 0)))
    return published_colours(reference_id, catalogue)


def gaia_colours(refsource_ids: IntArray) -> FloatArray:
    """(n,) BP - RP in mag of sources by their ids, in order; NaN where unknown.

    Those of other bands are no part of it, as one can't be compared with another.
    """
    colours = np.full(len(refsource_ids), np.nan)
    catalogue = colour_catalogue()
    if catalogue is None or (catalogue.blue, catalogue.red) != GAIAS:
        return colours
    for reference_id in np.unique(catalogue_of(refsource_ids)).tolist():
        stars = published_colours(reference_id, catalogue)
        _, place, star = np.intersect1d(
            refsource_ids, stars.refsource_id, assume_unique=True, return_indices=True
        )
        colours[place] = stars.colour[star]
    return colours


def colours_digest(reference_id: int) -> str:
    """Of what the published colours of a reference's sources are by; "" where there are none."""
    catalogue = colour_catalogue()
    if catalogue is None:
        return ""
    runs = GalMatchRun.objects.filter(reference=reference_id, published=catalogue.published)
    digest = runs.values_list("digest", flat=True).first()
    return (
        f"{catalogue.published.pk} {catalogue.colour_name} {digest}" if digest is not None else ""
    )


def published_colours(
    reference_id: int, catalogue: ColourCatalogue, refsource_ids: IntArray | None = None
) -> PublishedColours:
    """The PublishedColours of a reference's sources that are one of its stars, or of some."""
    rows = counterparts(reference_id, catalogue.published, catalogue.columns(), refsource_ids)
    colour, mag, parallax, error = (rows[name].astype(float) for name in catalogue.columns())
    absolute = absolute_magnitudes(mag, parallax, error)
    return PublishedColours(rows["refsource_id"], colour, mag, absolute)
