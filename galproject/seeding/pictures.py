"""Cutouts and chip pictures of a made-up survey, drawn from what its tables say."""

import io
from itertools import groupby

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from exposures.models import GalImage
from galproject.seeding.stamps import noise_like, star_stamps
from galproject.seeding.tables import PROPOSAL
from photometry import storage
from photometry.models import GalReference, GalSource
from photometry.sources import catalogue_of
from variables.models import CampaignObject, GalCandidate
from variables.pictures.places import picture_path, write_whole
from variables.pictures.sprite import TILE, Sprite, columns_of, write_sprite

NOISE_ADU = 8.0
STRETCH_ADU = 39.0  # up to which greys are about linear
N_FAINT = 14  # stars in a stamp that are in no catalogue
CHIP_FAINT = 8  # on a chip for each that is in one
BINNING = 4  # pixels of a chip a pixel of its picture
SKY_GREY, GREYS, DIFFERENCE_GREY = 46, 21.0, 128


def candidates_to_draw(n, again=False) -> list[int]:
    """Ids of candidates without cutouts, or with ``again`` all, of ``n`` that are looked at first.

    Those of campaigns, each campaign from its beginning, then those that were detected most.
    """
    in_campaigns = CampaignObject.objects.order_by("rank", "campaign")
    made_up = GalCandidate.objects.filter(catalogue__image__exposure__proposal=PROPOSAL)
    most_detected = made_up.visible().order_by("-n_detections", "pk")
    ids = list(in_campaigns.values_list("refsource_id", flat=True)[:n])
    ids += most_detected.values_list("pk", flat=True)[:n]
    ours = set(made_up.filter(pk__in=ids).values_list("pk", flat=True))
    first = [i for i in dict.fromkeys(ids) if i in ours][:n]
    return sorted(i for i in first if again or columns_of(i) is None)


def draw_cutouts(refsource_ids, progress=None):
    """Write the cutouts of candidates; ids in order."""
    for catalogue_id, ids in groupby(refsource_ids, catalogue_of):
        catalogue = GalReference.objects.get(pk=catalogue_id)
        sky = _Sky(catalogue)
        rows = storage.measurements_of(catalogue, ids := list(ids))
        first = np.searchsorted(rows["refsource_id"], ids)
        for refsource_id, own in zip(ids, np.split(rows, first[1:]), strict=True):
            write_sprite(refsource_id, _sprite(own, sky))
            if progress is not None:
                progress.update(1)


class _Sky:
    """The stars of a catalogue, and the images that it was measured on."""

    def __init__(self, catalogue):
        self.stars = storage.catalogue_sources(catalogue)
        self.orientation = catalogue.image.orientation
        self.tree = cKDTree(np.column_stack([self.stars["x"], self.stars["y"]]))
        images = GalImage.objects.filter(coverages__catalogue=catalogue)
        fwhm = {image.pk: image.fwhm_pixels for image in [catalogue.image, *images]}
        self._ids = np.array(sorted(fwhm))
        self._fwhm = np.array([fwhm[i] for i in self._ids])

    def fwhm_pixels(self, image_ids):
        return self._fwhm[np.searchsorted(self._ids, image_ids)]

    def neighbours(self, star):
        """Positions in the stamp of a source, and fluxes, of the stars round it; itself first."""
        near = self.tree.query_ball_point([star["x"], star["y"]], 0.75 * TILE)
        near = self.stars[
            [i for i in near if self.stars["refsource_id"][i] != star["refsource_id"]]
        ]
        rng = np.random.default_rng(int(star["refsource_id"]))
        x = np.concatenate([[0], near["x"] - star["x"], rng.uniform(-TILE / 2, TILE / 2, N_FAINT)])
        y = np.concatenate([[0], near["y"] - star["y"], rng.uniform(-TILE / 2, TILE / 2, N_FAINT)])
        faint = 10 ** rng.uniform(2.3, 3.4, N_FAINT)
        return x + TILE // 2, y + TILE // 2, np.concatenate([near["flux"], faint])


def _sprite(rows, sky):
    """The tiles of one source, from its measurements in order of time."""
    reference = rows["is_reference"]
    x, y, others = sky.neighbours(rows[reference][0])
    fwhm = sky.fwhm_pixels(rows["galimage_id"])
    flux = np.column_stack([rows["flux"], np.tile(others, (len(rows), 1))])
    peaks = flux / (2 * np.pi * (fwhm[:, None] / 2.3548) ** 2)
    rng = np.random.default_rng(int(rows["refsource_id"][0]))
    tiles = star_stamps(x, y, peaks, fwhm, TILE)
    tiles += NOISE_ADU * noise_like(tiles.shape, rng)
    # Both matched to the worse seeing: only what changed is left.
    change = peaks.copy()
    change[:, 1:] = 0
    change[:, 0] -= flux[reference, 0] / (2 * np.pi * (fwhm / 2.3548) ** 2)
    differences = star_stamps(x, y, change, fwhm, TILE)
    differences += 1.4 * NOISE_ADU * noise_like(tiles.shape, rng)
    search, turned = ~reference, sky.orientation.picture
    return Sprite(
        reference=turned(grey(tiles[reference][0], SKY_GREY)),
        image_ids=tuple(rows["galimage_id"][search].tolist()),
        search=tuple(map(turned, grey(tiles[search], SKY_GREY))),
        difference=tuple(map(turned, grey(differences[search], DIFFERENCE_GREY))),
    )


def grey(pixels, sky):
    """u1 greys of pixels in ADU: linear near the sky, and much less steep in bright stars."""
    greys = sky + GREYS * np.arcsinh(pixels / STRETCH_ADU)
    return np.clip(greys, 0, 255).astype("u1")


def chips_to_draw(n, again=False) -> list[GalImage]:
    """Chips without a picture, or with ``again`` all, of the first ``n``, references foremost."""
    images = (
        GalImage.objects.done().filter(exposure__proposal=PROPOSAL).order_by("-is_reference", "pk")
    )
    return [image for image in images[:n] if again or not picture_path(image.pk).exists()]


def draw_chips(images, progress=None):
    """Write the pictures of chips."""
    for image in images:
        out = io.BytesIO()
        # Pictures begin at the top, where y is highest.
        Image.fromarray(_chip(image)[::-1]).save(out, "png", compress_level=3)
        write_whole(picture_path(image.pk), out.getvalue())
        if progress is not None:
            progress.update(1)


def _chip(image):
    """(ny, nx) greys of a whole chip: its stars, and many more that are too faint for it."""
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
    return grey(light + NOISE_ADU / BINNING * noise_like(shape, rng), SKY_GREY)
