"""North, east and the scale, as drawn on a picture."""

import math
from dataclasses import dataclass

BARS_ARCSEC = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
BAR_SHARE = 0.4  # of a picture's side, at most
ARROW, LETTER, BAR_END = 12.0, 17.0, 95.0  # hundredths of the side
STRAIGHT_DEGREES = 1.0  # so near north is said to be up


@dataclass(frozen=True)
class Compass:
    """Arrows and scale bar of a square picture; x points right and y down, as in SVG."""

    side: int  # of the picture, pixels
    north: tuple[float, float]
    east: tuple[float, float]
    bar_arcsec: int
    bar_pixels: float

    @property
    def words(self) -> str:
        """The directions in words, for screen readers."""
        degrees = math.degrees(math.atan2(-self.north[0], -self.north[1]))
        turned = f"{abs(degrees):.0f}° {'left' if degrees > 0 else 'right'} of up"
        way = "up, east left" if abs(degrees) < STRAIGHT_DEGREES else f"{turned}, east left of it"
        side = _angle(self.side_arcsec)
        return f"North is {way}; the bar is {self.bar_text}, the longer side {side}"

    @property
    def bar_text(self) -> str:
        return _angle(self.bar_arcsec)

    @property
    def side_arcsec(self) -> float:
        return self.side * self.bar_arcsec / self.bar_pixels

    @property
    def lines(self) -> dict:
        """Ends of the arrows, positions of their letters, and the bar, in percent of the side."""
        bar_start = BAR_END - 100 * self.bar_pixels / self.side
        return {
            "north": _along(self.north, ARROW),
            "east": _along(self.east, ARROW),
            "north_text": _along(self.north, LETTER),
            "east_text": _along(self.east, LETTER),
            "bar_start": round(bar_start, 2),
            "bar_middle": round((bar_start + BAR_END) / 2, 2),
            "bar_end": BAR_END,
        }

    @property
    def on_chip(self) -> dict:
        """The scale bar near the lower left corner of a chip's picture, in units of ``unit``."""
        unit = self.side / 40  # pixels: the size of its letters
        return {"x": unit, "unit": unit, "length": self.bar_pixels / unit}

    def as_json(self) -> dict:
        """The compass as a dictionary for JavaScript."""
        return self.lines | {"bar_text": self.bar_text, "words": self.words}


def _angle(arcsec):
    """An angle in arcminutes or, where it is small, in arcseconds."""
    return f"{arcsec / 60:.3g}′" if arcsec >= 60 else f"{arcsec:.0f}″"


def _along(direction, length):
    return [round(length * value, 1) for value in direction]


def compass_of(orientation, side) -> Compass | None:
    """The Compass of a square picture with an Orientation; None if north is unknown."""
    if orientation.north is None:
        return None
    scale = orientation.arcsec_per_pixel
    fitting = [bar for bar in BARS_ARCSEC if bar <= BAR_SHARE * side * scale]
    bar = max(fitting, default=BARS_ARCSEC[0])
    (north_right, north_up), (east_right, east_up) = orientation.north, orientation.east
    return Compass(side, (north_right, -north_up), (east_right, -east_up), bar, bar / scale)
