"""Stars of published catalogues by which images are placed, as those of tiles."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from django.db import transaction

from exposures.catalogues import (
    ANY_BAND,
    BAND_COLUMNS,
    GAIA_BP,
    GAIA_G,
    GAIA_RP,
    CatalogueCuts,
    CatalogueStars,
    Cone,
    FileCatalogue,
)
from exposures.models import GalPublishedCatalogue
from exposures.published.stars import PublishedStars, stars_within
from exposures.published.stored import lock_published
from exposures.published_catalogues import PublishedKind
from exposures.science.motion import years_after

# What published catalogues call the columns of tiles.
BANDS = {GAIA_G: "G", GAIA_BP: "BP", GAIA_RP: "RP", "mag_bt": "BT", "mag_vt": "VT"}
# Of a star, what has no part in the place of an image and its zero point.
OF_NO_MATTER = ("id", "parallax", "parallax_err", "period", "amplitude", "mag", "mag_err")


@dataclass(frozen=True)
class StarsRead:
    """What was read of a published catalogue, by which one sees whether it is the same later."""

    name: str
    version: str
    catalogue_id: int
    loaded_at: str
    cone: Cone
    digest: str  # of the stars in the cone


class PublishedCatalogue:
    """A published catalogue as it is in use, read as a catalogue on disk is."""

    def __init__(self, name: str, cuts: CatalogueCuts = CatalogueCuts()):
        self.name, self.cuts = name, cuts
        self.stars_read: list[StarsRead] = []

    def stars(self, ra, dec, radius_degrees, mjd, band: str) -> CatalogueStars:
        """Stars within a radius of ``ra, dec`` (degrees) where they are at ``mjd``."""
        cone = Cone(ra, dec, radius_degrees)
        reach = cone.grown(self.cuts.margin_degrees)
        catalogue, stars = _read(self.name, reach)
        if len(stars):
            self.stars_read.append(
                StarsRead(
                    self.name,
                    catalogue.version,
                    catalogue.pk,
                    catalogue.loaded_at.isoformat(),
                    reach,
                    _digest(stars),
                )
            )
        stars = stars.select(_is_good(stars, self.cuts))
        stars = stars.at(years_after(0.0, mjd), self.cuts.unknown_motion)
        stars = stars.select(cone.holds(stars.ra, stars.dec))
        return _as_of_tiles(stars, catalogue.bands if catalogue else [], band)

    def extent(self) -> str:
        """The sky it covers in words, for an error about an image outside it."""
        return f"{self.name} of the database has none there"


class StarCatalogues:
    """Where stars of images come from: a catalogue on disk, and the astrometric ones in use.

    The one on disk is asked first, unless tiles are missing where the image is.
    """

    def __init__(self, on_disk: FileCatalogue | None, cuts: CatalogueCuts = CatalogueCuts()):
        self.on_disk, self.cuts = on_disk, cuts
        self._published: dict[str, PublishedCatalogue] = {}

    @property
    def files_read(self):
        return self.on_disk.files_read if self.on_disk else set()

    @property
    def stars_read(self) -> list[StarsRead]:
        return [read for one in self._published.values() for read in one.stars_read]

    def sources(self, cone: Cone) -> Iterator[FileCatalogue | PublishedCatalogue]:
        """The catalogues that are asked for stars in a cone, until one has any."""
        is_first = self.on_disk is not None and self.on_disk.covers(cone)
        if is_first:
            yield self.on_disk
        # The database is asked only where that is needed.
        for name in astrometric_names():
            yield self._published.setdefault(name, PublishedCatalogue(name, self.cuts))
        if self.on_disk is not None and not is_first:
            yield self.on_disk


def astrometric_names() -> list[str]:
    """The names of the astrometric catalogues in use, in order."""
    in_use = GalPublishedCatalogue.objects.in_use().filter(kind=PublishedKind.ASTROMETRIC)
    return list(in_use.order_by("name").values_list("name", flat=True))


def has_same_stars(name: str, catalogue_id: int, reads: list[tuple[Cone, str]]) -> bool:
    """Whether a published catalogue has the stars that were read, as cones and digests.

    It is looked for only where another version is in use. Where none is, nothing speaks against it.
    """
    catalogue = _in_use(name)
    if catalogue is None or catalogue.pk == catalogue_id:
        return True
    return all(_digest(_read(name, cone)[1]) == digest for cone, digest in reads)


def id_in_use(name: str) -> int | None:
    """The id of the version in use of a published catalogue; None without one."""
    catalogue = _in_use(name)
    return None if catalogue is None else catalogue.pk


def _in_use(name):
    return GalPublishedCatalogue.objects.in_use().filter(name=name).first()


def _read(name, cone) -> tuple[GalPublishedCatalogue | None, PublishedStars]:
    """The version in use of a catalogue and its stars in a cone; None and none if there is none."""
    # A version that went before it could be read was replaced by another.
    while (catalogue := _in_use(name)) is not None:
        with transaction.atomic():
            if lock_published(catalogue):
                return catalogue, stars_within(catalogue, cone.ra, cone.dec, cone.radius_degrees)
    return None, PublishedStars.none()


def _digest(stars: PublishedStars) -> str:
    """Of stars, whatever their order and their ids."""
    order = np.lexsort((stars.dec, stars.ra))
    digest = hashlib.blake2b(digest_size=16)
    for field in fields(stars):
        if field.name not in OF_NO_MATTER:
            digest.update(np.ascontiguousarray(getattr(stars, field.name)[order]).tobytes())
    return digest.hexdigest()


def _is_good(stars, cuts):
    """Whether entries are neither duplicates nor of uncertain position."""
    noisy = (stars.excess_noise > cuts.max_excess_noise) & (
        stars.excess_noise_sig > cuts.min_excess_noise_significance
    )
    return ~noisy & ~stars.is_duplicated


def _as_of_tiles(stars, bands, filter_name) -> CatalogueStars:
    """PublishedStars as CatalogueStars, with magnitudes near a filter."""

    def magnitudes(band, values=stars.mags):
        return values[:, bands.index(band)] if band in bands else np.full(len(stars), np.nan)

    columns = BAND_COLUMNS.get(filter_name, ANY_BAND)
    wanted = [filter_name, *(BANDS[column] for column in columns)]
    band = next((band for band in wanted if band in bands), "")
    is_known = np.isfinite(stars.pmra) & np.isfinite(stars.pmdec)
    motions = (stars.pmra, stars.pmdec, stars.pmra_err, stars.pmdec_err)
    return CatalogueStars(
        stars.ra,
        stars.dec,
        stars.ra_err,
        stars.dec_err,
        *(np.where(is_known, values, np.nan) for values in motions),
        magnitudes(band),
        magnitudes(band, stars.mag_errs),
        magnitudes("BP") - magnitudes("RP"),
    )
