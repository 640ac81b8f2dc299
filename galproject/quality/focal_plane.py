"""The chips of an exposure where they lie on the sky, coloured by a figure of quality."""

import itertools
from dataclasses import dataclass

import numpy as np

from exposures.models import GalExposure, GalImage
from exposures.science.footprints import unit_vectors
from galproject.quality.quantities import COLUMNS, ON_CHIPS, Quantity, depth_of

WIDTH = 1000.0  # of the drawing
MARGIN = 0.02  # of it
N_LEVELS = 5  # colours
# Between which shares of the chips the colours change: a few odd ones don't take all of them.
SHARES = np.linspace(0, 100, N_LEVELS + 1)[1:-1]


@dataclass(frozen=True)
class PlacedChip:
    """A chip of which the corners are known."""

    image: GalImage
    points: str  # of its polygon
    x: float  # of its middle
    y: float
    text: str  # of the value
    level: int  # of colour, from 1; 0 where the value is not known


@dataclass(frozen=True)
class FocalPlane:
    """North is up and east to the left, as on the sky."""

    quantity: Quantity
    chips: tuple[PlacedChip, ...]
    levels: tuple[str, ...]  # what each colour stands for
    n_without_place: int  # chips that no header has placed
    width: float
    height: float


def quantity_named(name: str) -> Quantity:
    """One of ON_CHIPS; raises KeyError for another name."""
    return {quantity.name: quantity for quantity in ON_CHIPS}[name]


def focal_plane(exposure: GalExposure, quantity: Quantity) -> FocalPlane:
    """The chips of an exposure with a quantity, by one query."""
    known = ("pk", "chip_name", "ccdnum", "status", "footprint", "is_doubted", "figures")
    images = list(exposure.images.order_by("ccdnum").only(*known, *COLUMNS))
    placed = [image for image in images if image.footprint]
    values = np.array([_value(image, quantity) for image in placed])
    bounds = _bounds(values)
    corners, height = _drawn([image.footprint for image in placed])
    chips = [
        PlacedChip(
            image,
            " ".join(f"{x:.1f},{y:.1f}" for x, y in polygon),
            *(float(number) for number in polygon.mean(axis=0)),
            quantity.number(value),
            0 if np.isnan(value) else 1 + int(np.searchsorted(bounds, value, side="right")),
        )
        for image, polygon, value in zip(placed, corners, values, strict=True)
    ]
    words = _level_words(bounds, quantity)
    return FocalPlane(quantity, tuple(chips), words, len(images) - len(placed), WIDTH, height)


def _value(image, quantity) -> float:
    if quantity.name == "depth":
        columns = (image.zero_point, image.sky_noise, image.fwhm_pixels)
        return float(depth_of(*(np.array(column, float) for column in columns)))
    stored = image.figures if quantity.name not in COLUMNS else None
    value = getattr(image, quantity.name) if stored is None else stored.get(quantity.name)
    return np.nan if value is None else float(value)


def _bounds(values):
    """Of the colours, without those that are the same."""
    known = values[np.isfinite(values)]
    return np.unique(np.percentile(known, SHARES)) if len(known) else np.array([])


def _level_words(bounds, quantity):
    if not len(bounds):
        return ()
    numbers = [quantity.number(bound) for bound in bounds]
    between = (f"{low} to {high}" for low, high in itertools.pairwise(numbers))
    return (f"below {numbers[0]}", *between, f"{numbers[-1]} and more")


def _drawn(footprints):
    """(n, 4, 2) corners in the drawing, and its height."""
    if not footprints:
        return np.empty((0, 4, 2)), WIDTH / 4
    corners = unit_vectors(np.concatenate(footprints))
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    east = np.array([-centre[1], centre[0], 0.0])
    east /= np.hypot(*east[:2]) or 1.0
    north = np.cross(centre, east)
    depth = corners @ centre
    x, y = -(corners @ east) / depth, -(corners @ north) / depth
    spread = x.max() - x.min()
    scale = WIDTH * (1 - 2 * MARGIN) / spread
    drawn = np.column_stack([x - x.min(), y - y.min()]) * scale + MARGIN * WIDTH
    return drawn.reshape(-1, 4, 2), float(drawn[:, 1].max() + MARGIN * WIDTH)
