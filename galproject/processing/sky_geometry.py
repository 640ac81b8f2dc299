"""The sky geometry of chips in galimages."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.models import GalImage
from exposures.science.astrometry import RefinedWcs, RegisteredWcs, pixel_scale_arcsec
from exposures.science.footprints import corner_pixels, fault_of
from exposures.science.shared_sky import ChipPlaces, pairs_sharing_sky
from photometry.models import GalReference

CORNERS = tuple(f"corner_{i}" for i in range(1, 9))
PLACE_DTYPE = np.dtype(
    [("id", "i8"), ("filter", "i4"), *((n, "f8") for n in ("ra", "dec", *CORNERS))]
)
PLACES = f"""
SELECT {{id}}, array_position({{filters}}::text[], e.filter::text), i.ra, i.dec,
    {", ".join(f"i.footprint[{i}]" for i in range(1, 9))}
FROM galimages i JOIN galexposures e ON e.id = i.exposure_id {{of}}
WHERE i.footprint IS NOT NULL AND {{which}} ORDER BY 1
"""
ACTIVE = "JOIN galreferences c ON c.image_id = i.id AND c.active"


def fill_sky_geometry(image: GalImage, chip: Chip, wcs: RefinedWcs | RegisteredWcs) -> None:
    """Fill the columns of a chip's position and footprint.

    Raises InputFileError if the WCS gives a position or shape that no chip can have.
    """
    ny, nx = chip.shape
    corner_x, corner_y = map(np.array, corner_pixels(chip.shape))
    ra, dec = wcs.to_sky(corner_x, corner_y)
    footprint = [float(v) for pair in zip(ra, dec, strict=True) for v in pair]
    if fault := fault_of(footprint):
        advice = "Solve its astrometry again, in ICRS"
        raise InputFileError(chip.path, f"the WCS is not a chip's: {fault}", advice, hdu=chip.name)
    centre_ra, centre_dec = wcs.to_sky(np.array([nx / 2 - 0.5]), np.array([ny / 2 - 0.5]))
    scale = pixel_scale_arcsec(chip.wcs, chip.shape)
    image.width, image.height = nx, ny
    image.ra, image.dec = float(centre_ra[0]), float(centre_dec[0])
    image.radius = 0.5 * float((nx**2 + ny**2) ** 0.5) * scale / 3600
    image.footprint = footprint


def references_under(image: GalImage) -> list[GalImage]:
    """Reference images of the same filter whose footprints share sky with the image."""
    if not image.footprint:
        return []
    candidates = GalImage.objects.references().done().in_filter(image.exposure.filter)
    return list(candidates.overlapping(image).order_by("pk"))


def catalogues_under(image: GalImage) -> list[GalReference]:
    """The catalogues in use of the references under an image."""
    references = references_under(image)
    return list(GalReference.objects.filter(image__in=references, active=True).order_by("pk"))


@dataclass(frozen=True)
class CataloguesUnder:
    """Ids of the catalogues in use under each of many search images."""

    certain: dict[int, list[int]]
    perhaps: dict[int, list[int]]  # that just reach the edge of the image, or do not

    def are(self, image: GalImage, ids: list[int] | None) -> bool:
        """Whether those under an image, one of the many, are these, by ``catalogues_under``."""
        if ids is None:
            return False
        certain, perhaps = self.certain.get(image.pk, []), self.perhaps.get(image.pk, [])
        if not perhaps:
            return certain == ids
        if not set(ids).symmetric_difference(certain).issubset(perhaps):
            return False
        return [catalogue.pk for catalogue in catalogues_under(image)] == ids


def catalogues_under_each(image_ids: Iterable[int]) -> CataloguesUnder:
    """The CataloguesUnder many search images."""
    chosen = ",".join(map(str, image_ids))
    images = _places("i.id", f"i.id = ANY('{{{chosen}}}')")
    references = _places("c.id", "i.is_reference AND i.status = 'done'", ACTIVE)
    under = CataloguesUnder(defaultdict(list), defaultdict(list))
    for name in np.unique(images["filter"]):
        own, others = (rows[rows["filter"] == name] for rows in (images, references))
        pairs = pairs_sharing_sky(_chip_places(own), _chip_places(others))
        ids = own["id"][pairs.chip].tolist(), others["id"][pairs.other].tolist()
        for image, catalogue, is_certain in zip(*ids, pairs.is_certain.tolist(), strict=True):
            (under.certain if is_certain else under.perhaps)[image].append(catalogue)
    return under


def _places(id_column: str, which: str, of: str = "") -> np.ndarray:
    """PLACE_DTYPE of images, with the id of each or of its catalogue."""
    filters = "(SELECT array_agg(DISTINCT filter ORDER BY filter) FROM galexposures)"
    return copy_out(PLACES.format(id=id_column, filters=filters, of=of, which=which), PLACE_DTYPE)


def _chip_places(rows: np.ndarray) -> ChipPlaces:
    footprint = np.column_stack([rows[name] for name in CORNERS])
    return ChipPlaces(rows["ra"], rows["dec"], footprint)
