"""Cutouts of the candidates of a catalogue, rendered ahead: reference, search and difference."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

from exposures.claims import Claimed, claim
from exposures.errors import GalprojectError
from exposures.fits import InputOptions, read_chip, read_exposure
from exposures.models import GalCheckpoint, GalImage
from photometry.models import GalCoverage, GalSource
from variables.models import GalCandidate
from variables.pictures.sprite import TILE, Sprite, read_sprite, write_sprite
from variables.pictures.stretch import difference_grey, grey, sky_of, white_of
from variables.science.difference import match

REGION = 127  # pixels round a candidate by which the images are matched
N_MAPPED = 2000  # stars by which pixels of one image are mapped to those of the other
MAP_ORDER = 3
MIN_MAPPED = 30
CHUNK_BYTES = 200_000_000  # of tiles that are kept until their files are written


@dataclass(frozen=True)
class Rendered:
    """What was rendered of a catalogue."""

    n_candidates: int  # whose file was written
    n_tiles: int  # search and difference count as one
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Pixels:
    """A chip's pixels, to be cut out of."""

    data: np.ndarray  # (ny, nx) f4 ADU, sky included; 0 where masked
    weight: np.ndarray  # (ny, nx) f4
    fwhm_pixels: float


def render_catalogue(catalogue, progress=None) -> Rendered:
    """Bring the cutouts of a catalogue's candidates up to date; nothing while somebody else does.

    Epochs that a file has are left as they are. An image that can't be read costs its own
    column, and a line in its exposure's log.
    """
    with claim(Claimed.PICTURES, catalogue.pk) as is_mine:
        if not is_mine:
            return Rendered(0, 0, (f"{catalogue}: its cutouts are being rendered elsewhere",))
        candidates = list(GalCandidate.objects.filter(catalogue=catalogue).order_by("pk"))
        epochs = _epochs(catalogue)
        n_chunk = max(1, CHUNK_BYTES // (2 * TILE**2 * max(len(epochs), 1)))
        done = [
            _render_chunk(catalogue, candidates[k : k + n_chunk], epochs, progress)
            for k in range(0, len(candidates), n_chunk)
        ]
    return Rendered(
        sum(one.n_candidates for one in done),
        sum(one.n_tiles for one in done),
        tuple(dict.fromkeys(problem for one in done for problem in one.problems)),
    )


def catalogues_of(job) -> list[int]:
    """Ids of the catalogues whose sources the images of a job were measured with."""
    covered = GalCoverage.objects.filter(image__job=job, catalogue__active=True)
    return sorted(set(covered.values_list("catalogue_id", flat=True)))


def _epochs(catalogue):
    """The search images on which a catalogue was measured, oldest first."""
    covered = GalCoverage.objects.filter(catalogue=catalogue).values("image")
    images = GalImage.objects.filter(pk__in=covered).select_related("exposure")
    return list(images.order_by("exposure__mjd", "pk"))


def _render_chunk(catalogue, candidates, epochs, progress):
    wanted = {image.pk for image in epochs}
    sprites = {c.pk: read_sprite(c.pk) for c in candidates}
    stale = [c for c in candidates if _is_stale(sprites[c.pk], wanted)]
    if not stale:
        return Rendered(0, 0, ())
    try:
        reference = read_pixels(catalogue.image)
    except GalprojectError as error:
        return Rendered(0, 0, (_note(catalogue.image, error),))
    frames = {c.pk: _Frame(reference, c) for c in stale}
    tiles, problems = {c.pk: _kept(sprites[c.pk], wanted) for c in stale}, []
    n_tiles = 0
    for image in epochs:
        missing = [c for c in stale if image.pk not in tiles[c.pk]]
        if missing:
            try:
                n_tiles += _render_epoch(catalogue, image, [frames[c.pk] for c in missing], tiles)
            except GalprojectError as error:
                problems.append(_note(image, error))
        if progress is not None:
            progress.update(1)
    order = [image.pk for image in epochs]
    for candidate in stale:
        _write(candidate.pk, frames[candidate.pk].tile, tiles[candidate.pk], order)
    return Rendered(len(stale), n_tiles, tuple(problems))


def _is_stale(sprite, wanted):
    return sprite is None or set(sprite.image_ids) != wanted


def _kept(sprite, wanted):
    """{image id: (search, difference)} of the tiles that stay."""
    if sprite is None:
        return {}
    columns = zip(sprite.image_ids, sprite.search, sprite.difference, strict=True)
    return {image_id: (a, b) for image_id, a, b in columns if image_id in wanted}


def _note(image, error):
    problem = f"{image}: no cutouts: {error}"
    GalCheckpoint.objects.note(image, "pictures", problem, level=GalCheckpoint.Level.WARNING)
    return problem


def _write(refsource_id, reference, tiles, order):
    ids = tuple(i for i in order if i in tiles)
    search, difference = (tuple(tiles[i][k] for i in ids) for k in (0, 1))
    write_sprite(refsource_id, Sprite(reference, ids, search, difference))


def read_pixels(image) -> Pixels:
    """The pixels of a GalImage. Raises GalprojectError where its file doesn't give them."""
    options = InputOptions(**((image.options or {}).get("input") or {}))
    facts = read_exposure(Path(image.path), options)
    entry = next((c for c in facts.chips if c.ccdnum == image.ccdnum), None)
    if entry is None:
        raise GalprojectError(f"{image.path}: chip {image.chip_name} is gone. Restore the file")
    chip = read_chip(facts, entry, options)
    data = np.where(chip.weight > 0, chip.data, 0).astype("f4")
    return Pixels(data, chip.weight.astype("f4"), image.fwhm_pixels or 4.0)


class _Frame:
    """A candidate's surroundings on the reference image, and how they are shaded."""

    def __init__(self, reference, candidate):
        self.refsource_id = candidate.pk
        self.x, self.y = round(candidate.x), round(candidate.y)
        self.fwhm_pixels = reference.fwhm_pixels
        self.data, self.weight = (
            cut(a, self.x, self.y) for a in (reference.data, reference.weight)
        )
        shown = middle(np.where(self.weight > 0, self.data, np.nan))
        self.sky, self.noise = sky_of(np.where(self.weight > 0, self.data, np.nan))
        self.white = white_of(shown, self.sky, self.noise)
        self.tile = self.shaded(shown)

    def shaded(self, pixels, sky=None):
        return grey(pixels, self.sky if sky is None else sky, self.noise, self.white)[::-1]


def cut(image, x, y, side=REGION):
    """(side, side) pixels round x, y; zeros beyond the edge."""
    half = side // 2
    out = np.zeros((side, side), image.dtype)
    y0, y1 = max(y - half, 0), min(y + half + 1, image.shape[0])
    x0, x1 = max(x - half, 0), min(x + half + 1, image.shape[1])
    if y1 > y0 and x1 > x0:
        out[y0 - y + half : y1 - y + half, x0 - x + half : x1 - x + half] = image[y0:y1, x0:x1]
    return out


def middle(region):
    """The (TILE, TILE) pixels in the middle of a region."""
    first = (len(region) - TILE) // 2
    return region[first : first + TILE, first : first + TILE]


def _render_epoch(catalogue, image, frames, tiles):
    """Add the tiles of one search image; how many."""
    to_search = pixel_map(catalogue, image)
    search = read_pixels(image)
    splines = spline_filter(search.data, order=3, output=np.float32)
    for frame in frames:
        tiles[frame.refsource_id][image.pk] = _tiles_of(frame, search, splines, to_search)
    return len(frames)


def _tiles_of(frame, search, splines, to_search):
    """The search and the difference tile of a candidate on one image."""
    half = REGION // 2
    y, x = np.mgrid[frame.y - half : frame.y + half + 1, frame.x - half : frame.x + half + 1]
    place = np.array(to_search(x.ravel(), y.ravel()))[::-1].reshape(2, REGION, REGION)
    data = map_coordinates(splines, place, order=3, prefilter=False, mode="constant")
    weight = map_coordinates(search.weight, place, order=0, mode="constant")
    # A spline rings round masked pixels.
    weight = np.where(_touches_masked(weight), 0, weight)
    is_sharper = frame.fwhm_pixels <= search.fwhm_pixels
    matched = match(frame.data, data, (frame.weight, weight), is_sharper)
    if matched is None:
        return _unmatched(frame, data, weight)
    seen = weight > 0
    both = seen & (frame.weight > 0)
    shown = middle(np.where(seen, matched.search, np.nan))
    change = middle(np.where(both, matched.difference, np.nan))
    return frame.shaded(shown), difference_grey(change, matched.noise)[::-1]


def _unmatched(frame, data, weight):
    """The search tile as it is, and no difference."""
    shown = np.where(weight > 0, data, np.nan)
    sky, _ = sky_of(shown)
    blank = np.full((TILE, TILE), np.nan)
    return frame.shaded(middle(shown), sky), difference_grey(blank, 1.0)


def _touches_masked(weight):
    """(ny, nx) pixels that are masked, or next to one that is."""
    masked = np.pad(weight <= 0, 1, mode="edge")
    near = [
        masked[j : j + weight.shape[0], i : i + weight.shape[1]] for j in range(3) for i in range(3)
    ]
    return np.logical_or.reduce(near)


def pixel_map(catalogue, image):
    """A function from x, y on the reference image to x, y on a search image.

    Polynomials through the stars that were measured on both: so the positions are those of the
    forced fit itself. Raises GalprojectError where they are too few.
    """
    ranks = np.unique(np.linspace(0, max(catalogue.n_sources - 1, 0), N_MAPPED).astype(int))
    ids = (catalogue.id_range[0] + ranks).tolist()
    rows = GalSource.objects.filter(refsource_id__in=ids)
    place = {}
    for pk, x, y in rows.filter(galimage_id=catalogue.image_id).values_list(
        "refsource_id", "x", "y"
    ):
        place[pk] = (x, y)
    pairs = [
        (*place[pk], x, y)
        for pk, x, y in rows.filter(galimage_id=image.pk).values_list("refsource_id", "x", "y")
        if pk in place
    ]
    if len(pairs) < MIN_MAPPED:
        raise GalprojectError(f"too few of its sources ({len(pairs)}) were measured on both images")
    x, y, to_x, to_y = np.array(pairs).T
    order = MAP_ORDER if len(pairs) > 5 * MIN_MAPPED else 1
    fits = [np.linalg.lstsq(_terms(x, y, order), target, rcond=None)[0] for target in (to_x, to_y)]
    return lambda x, y: tuple(_terms(x, y, order) @ fit for fit in fits)


def _terms(x, y, order):
    """(n, n_terms) monomials in units of a thousand pixels."""
    u, v = np.asarray(x) / 1000, np.asarray(y) / 1000
    return np.column_stack([u**i * v**j for i in range(order + 1) for j in range(order + 1 - i)])
