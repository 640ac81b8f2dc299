"""Cutouts and chip pictures of a made-up survey, drawn from its tables."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from exposures.models import GalImage
from exposures.source_ids import catalogue_of
from galproject.demo.first_look import NAME as FIRST_LOOK
from galproject.demo.seeding.stamps import noise_like, star_stamps
from galproject.demo.seeding.tables import PROPOSAL
from photometry.models import GalNonDetection, GalReference, GalSource
from photometry.storage import storage
from variables.models import CampaignObject, GalCandidate, GalNewSource
from variables.pictures.chips import ChipPicture, has_pictures, write_pictures
from variables.pictures.sprite import TILE, Sprite, image_ids_in, write_sprite

NOISE_ADU = 8.0
STRETCH_ADU = 39.0  # up to which greys are about linear
N_FAINT = 14  # stars in a stamp that are in no catalogue
CHIP_FAINT = 8  # on a chip for each that is in one
BINNING = 4  # pixels of a chip a pixel of its picture
WHITE_SIGMA = 400.0  # of the greys of chips, about
SKY_GREY, GREYS, DIFFERENCE_GREY = 46, 21.0, 128


def candidates_to_draw(n, again=False) -> list[int]:
    """Ids of the first ``n`` candidates that lack cutouts, or with ``again`` of all ``n``.

    Those of the first look, of other campaigns, each from its beginning, then those that were
    detected most.
    """
    in_campaigns = CampaignObject.objects.order_by("rank", "campaign")
    first_look = in_campaigns.filter(campaign__name=FIRST_LOOK)
    made_up = GalCandidate.objects.filter(catalogue__image__exposure__proposal=PROPOSAL)
    most_detected = made_up.visible().order_by("-n_detections", "pk")
    ids = list(first_look.values_list("refsource_id", flat=True))
    ids += in_campaigns.values_list("refsource_id", flat=True)[:n]
    ids += most_detected.values_list("pk", flat=True)[:n]
    ours = set(made_up.filter(pk__in=ids).values_list("pk", flat=True))
    first = [i for i in dict.fromkeys(ids) if i in ours][:n]
    return sorted(i for i in first if again or image_ids_in(i) is None)


def draw_seeded_cutouts(refsource_ids, progress=None):
    """Write the cutouts of candidates; ids in order."""
    for catalogue_id, ids in groupby(refsource_ids, catalogue_of):
        catalogue = GalReference.objects.get(pk=catalogue_id)
        sky = _Sky(catalogue)
        for star in _stars(catalogue, list(ids), sky):
            write_sprite(star.refsource_id, _sprite(star, sky))
            if progress is not None:
                progress.update(1)


@dataclass(frozen=True)
class _Star:
    """The tables' facts about a candidate on each of its images."""

    refsource_id: int
    x: float  # on the reference, pixels
    y: float
    reference_flux: float  # ADU; 0 of what the reference does not have
    fluxes: dict  # {search image: ADU}, in order of time; 0 where it was not seen


def _stars(catalogue, ids, sky):
    """Yield the _Star of each candidate, vanished and new ones included."""
    rows = storage.measurements_of(catalogue, ids)
    missed = GalNonDetection.objects.filter(refsource_id__in=ids)
    missed = list(missed.values_list("refsource_id", "galimage_id"))
    new = GalNewSource.objects.in_bulk(ids)
    for pk in ids:
        own = rows[rows["refsource_id"] == pk]
        seen = dict(zip(own["galimage_id"].tolist(), own["flux"].tolist(), strict=True))
        seen |= {image_id: 0.0 for i, image_id in missed if i == pk}
        if pk in new:
            seen = dict.fromkeys(sky.search_images, 0.0) | seen
        at = new[pk] if pk in new else own[own["is_reference"]][0]
        x, y = (at.x, at.y) if pk in new else (at["x"], at["y"])
        reference_flux = seen.pop(catalogue.image_id, 0.0)
        fluxes = {image_id: seen[image_id] for image_id in sky.search_images if image_id in seen}
        yield _Star(pk, float(x), float(y), reference_flux, fluxes)


class _Sky:
    """The stars of a catalogue, and the images measured with it."""

    def __init__(self, catalogue):
        self.stars = storage.catalogue_sources(catalogue)
        self.orientation = catalogue.image.orientation
        self.tree = cKDTree(np.column_stack([self.stars["x"], self.stars["y"]]))
        images = GalImage.objects.filter(coverages__catalogue=catalogue)
        images = list(images.order_by("exposure__mjd", "pk"))
        self.reference_image = catalogue.image_id
        self.search_images = [image.pk for image in images]  # in order of time
        self.fwhm_pixels = {i.pk: i.fwhm_pixels for i in [catalogue.image, *images]}

    def neighbours(self, star):
        """Positions in a source's stamp and fluxes of the stars round it, itself first."""
        near = self.tree.query_ball_point([star.x, star.y], 0.75 * TILE)
        near = self.stars[[i for i in near if self.stars["refsource_id"][i] != star.refsource_id]]
        rng = np.random.default_rng(star.refsource_id)
        x = np.concatenate([[0], near["x"] - star.x, rng.uniform(-TILE / 2, TILE / 2, N_FAINT)])
        y = np.concatenate([[0], near["y"] - star.y, rng.uniform(-TILE / 2, TILE / 2, N_FAINT)])
        faint = 10 ** rng.uniform(2.3, 3.4, N_FAINT)
        return x + TILE // 2, y + TILE // 2, np.concatenate([near["flux"], faint])


def _sprite(star, sky):
    """The tiles of one source: the reference, and each search image in order of time."""
    x, y, others = sky.neighbours(star)
    fwhm = np.array([sky.fwhm_pixels[i] for i in [sky.reference_image, *star.fluxes]])
    own = np.array([star.reference_flux, *star.fluxes.values()])
    flux = np.column_stack([own, np.tile(others, (len(own), 1))])
    peak_of = 1 / (2 * np.pi * (fwhm / 2.3548) ** 2)
    rng = np.random.default_rng(star.refsource_id)
    tiles = star_stamps(x, y, flux * peak_of[:, None], fwhm, TILE)
    tiles += NOISE_ADU * noise_like(tiles.shape, rng)
    # Both matched to the worse seeing: only what changed is left.
    change = np.zeros_like(flux)
    change[:, 0] = (own - star.reference_flux) * peak_of
    differences = star_stamps(x, y, change, fwhm, TILE)
    differences += 1.4 * NOISE_ADU * noise_like(tiles.shape, rng)
    turned = sky.orientation.picture
    return Sprite(
        reference=turned(linear_grey(tiles[0], SKY_GREY)),
        image_ids=tuple(star.fluxes),
        search=tuple(map(turned, linear_grey(tiles[1:], SKY_GREY))),
        difference=tuple(map(turned, linear_grey(differences[1:], DIFFERENCE_GREY))),
    )


def linear_grey(pixels, sky):
    """u1 greys of pixels in ADU: linear near the sky, and compressed in bright stars."""
    greys = sky + GREYS * np.arcsinh(pixels / STRETCH_ADU)
    return np.clip(greys, 0, 255).astype("u1")


def chips_to_draw(n, again=False) -> list[GalImage]:
    """The first ``n`` chips, references first, that lack a picture, or with ``again`` all."""
    images = (
        GalImage.objects.done().filter(exposure__proposal=PROPOSAL).order_by("-is_reference", "pk")
    )
    return [image for image in images[:n] if again or not has_pictures(image.pk)]


def draw_chips(images, progress=None):
    """Write the pictures of chips."""
    for image in images:
        # Pictures begin at the top, where y is highest.
        write_pictures(image.pk, ChipPicture(_chip(image)[::-1], WHITE_SIGMA))
        if progress is not None:
            progress.update(1)


def _chip(image):
    """(ny, nx) greys of a chip: its stars, and many fainter ones."""
    rng = np.random.default_rng(image.pk)
    own = GalSource.objects.measured_on(image).values_list("x", "y", "flux")
    own = np.array(own, float).reshape(-1, 3).T
    n_faint = CHIP_FAINT * len(own[0])
    fainter = 10 ** rng.uniform(2, 3.2, n_faint)
    faint = rng.uniform(0, image.width, n_faint), rng.uniform(0, image.height, n_faint), fainter
    x, y, flux = (np.concatenate(pair) for pair in zip(own, faint, strict=True))
    shape = -(-image.height // BINNING), -(-image.width // BINNING)
    edges = [np.arange(n + 1) * BINNING for n in shape]
    pixels, _, _ = np.histogram2d(y, x, bins=edges, weights=flux / BINNING**2)
    light = gaussian_filter(pixels, image.fwhm_pixels / 2.3548 / BINNING)
    return linear_grey(light + NOISE_ADU / BINNING * noise_like(shape, rng), SKY_GREY)
