"""The orientation of a chip on the sky, and of its pictures with north up and east left."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from exposures.science.arrays import FloatArray
from exposures.science.footprints import east_and_north, unit_vectors

# Quarter turns, mirrored or not: (right, up) on a picture of (x, y) on a chip.
TURNS = [
    tuple(tuple(sign * value for value in row) for sign, row in zip(signs, rows, strict=True))
    for rows in (((1, 0), (0, 1)), ((0, 1), (1, 0)))
    for signs in product((1, -1), repeat=2)
]
UNTURNED = ((1, 0), (0, 1))
DIRECTIONS = {(1, 0): "right", (-1, 0): "left", (0, 1): "up", (0, -1): "down"}


@dataclass(frozen=True)
class Orientation:
    """A turn by quarters, with a mirroring where needed, that brings north nearest to up."""

    turn: tuple  # 2 x 2: (right, up) on the picture of (x, y) on the chip, in pixels
    north: tuple[float, float] | None = None  # right, up: a unit vector; None: not known
    east: tuple[float, float] | None = None
    arcsec_per_pixel: float | None = None

    @property
    def x_direction(self) -> str:
        """The direction of growing x on the picture: right, left, up or down."""
        return DIRECTIONS[tuple(row[0] for row in self.turn)]

    @property
    def y_direction(self) -> str:
        """The direction of growing y on the picture."""
        return DIRECTIONS[tuple(row[1] for row in self.turn)]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the picture of a chip of ``width, height``: numbers of pixels."""
        return (width, height) if self.turn[0][0] else (height, width)

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """A chip's pixels (ny, nx), in any unit, as a picture, its top row first; a view."""
        turned = pixels if self.turn[0][0] else pixels.T
        right, up = (sum(row) for row in self.turn)
        return turned[:: -1 if up > 0 else 1, :: 1 if right > 0 else -1]

    def to_picture(self, width: int, height: int) -> tuple[int, ...]:
        """The six numbers of the SVG matrix from pixels (from 0) to the picture.

        ``width`` and ``height`` are the chip's numbers of pixels. The centre of the picture's upper
        left pixel is 0, 0 too; y grows downwards there.
        """
        (a, c), (up_x, up_y) = self.turn
        b, d = -up_x, -up_y
        e = -min(a * (width - 1), 0) - min(c * (height - 1), 0)
        f = -min(b * (width - 1), 0) - min(d * (height - 1), 0)
        return a, b, c, d, e, f

    def svg_matrix(self, width: int, height: int) -> str:
        """The six numbers of ``to_picture``, in pixels, as the text of an SVG matrix."""
        return " ".join(map(str, self.to_picture(width, height)))


def orientation_of(
    footprint: Sequence[float] | None, width: int | None, height: int | None
) -> Orientation:
    """The Orientation of a chip, from ra and dec of its corners, (8,) ICRS degrees.

    ``width`` and ``height`` are its numbers of pixels. The corners are those of the first pixel,
    then in the sense in which x grows first; a chip without them is shown with x to the right and y
    upwards, and its north is not known.
    """
    if not footprint or not width or not height:
        return Orientation(UNTURNED)
    sky = _sky_of_pixels(footprint, width, height)
    # A turn is orthogonal: its transpose takes directions of the picture to those of the chip.
    alike = [np.trace(np.diag([-1, 1]) @ sky @ np.array(turn).T) for turn in TURNS]
    turn = TURNS[int(np.argmax(np.round(alike, 9)))]
    to_pixels = np.linalg.inv(sky)
    east, north = (np.array(turn) @ to_pixels / np.linalg.norm(to_pixels, axis=0)).T
    return Orientation(
        turn,
        north=tuple(north.tolist()),
        east=tuple(east.tolist()),
        arcsec_per_pixel=float(np.sqrt(abs(np.linalg.det(sky)))),
    )


def _sky_of_pixels(footprint: Sequence[float], width: int, height: int) -> FloatArray:
    """(2, 2) arcseconds to the east and north, of a pixel in x and y, at the middle of a chip."""
    corners = unit_vectors(footprint)
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    first, second, third, fourth = np.degrees(east_and_north(corners, centre)) * 3600
    along_x = (second - first + third - fourth) / (2 * width)
    along_y = (fourth - first + third - second) / (2 * height)
    return np.column_stack([along_x, along_y])
