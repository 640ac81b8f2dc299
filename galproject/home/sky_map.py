"""A map of the fields in Galactic coordinates, as numbers for a template's SVG."""

import math
from dataclasses import dataclass

import numpy as np

from galproject.home.fields import ObservedField

WIDTH = 1000.0  # of the drawing; pixels where it is not scaled
MIN_WIDTH_DEGREES, MIN_HEIGHT_DEGREES = 24.0, 10.0
MARGIN_DEGREES = 1.5
PLANE_REACH_DEGREES = 15.0  # so near, the Galactic plane is on the map too
MAX_ASPECT, MIN_ASPECT = 0.5, 0.36  # height over width
STEPS = (1, 2, 5, 10, 15, 30, 60)  # degrees between grid lines
MAX_LINES = 12
LABEL_WIDTH = 40.0
LEVELS = (5, 10, 20, 40)  # exposures, from which on the next colour begins


@dataclass(frozen=True)
class Line:
    """A grid line at a Galactic longitude or latitude."""

    position: float  # x or y in the drawing
    label: str


@dataclass(frozen=True)
class FieldMarker:
    """A field on the map."""

    field: ObservedField
    x: float
    y: float
    rx: float
    ry: float
    level: int  # of colour, from 1


@dataclass(frozen=True)
class SkyMap:
    """All that the map draws; longitude grows to the left."""

    width: float
    height: float
    meridians: tuple[Line, ...]
    parallels: tuple[Line, ...]
    marks: tuple[FieldMarker, ...]
    plane_y: float | None  # of latitude 0
    centre: tuple[float, float] | None  # of the Galaxy

    @property
    def level_labels(self) -> list[str]:
        """The numbers of exposures that each colour stands for."""
        ends = [n - 1 for n in LEVELS]
        between = [f"{a} to {b}" for a, b in zip(LEVELS, ends[1:], strict=False)]
        return [f"up to {ends[0]}", *between, f"{LEVELS[-1]} and more"]


@dataclass(frozen=True)
class _Window:
    """The part of the sky shown, in degrees; longitudes are relative to its centre."""

    middle: float
    half_width: float
    bottom: float
    top: float

    @property
    def scale(self) -> float:
        """Units of the drawing in a degree."""
        return WIDTH / (2 * self.half_width)

    @property
    def height(self) -> float:
        return (self.top - self.bottom) * self.scale

    def relative(self, longitude):
        """Degrees to the left of the centre, -180 to 180."""
        return (longitude - self.middle + 180) % 360 - 180

    def x(self, longitude):
        return WIDTH / 2 - self.relative(longitude) * self.scale

    def y(self, latitude):
        return (self.top - latitude) * self.scale

    def holds(self, longitude, latitude):
        inside = abs(self.relative(longitude)) <= self.half_width
        return inside and self.bottom <= latitude <= self.top


def sky_map(fields) -> SkyMap | None:
    """The map that shows all fields; None if there are none."""
    if not fields:
        return None
    window = _window(fields)
    return SkyMap(
        width=WIDTH,
        height=window.height,
        meridians=_meridians(window),
        parallels=_parallels(window),
        # Small fields on top of wide ones, so that each can be pointed at.
        marks=tuple(_mark(f, window) for f in sorted(fields, key=lambda f: -f.radius)),
        plane_y=window.y(0) if window.bottom <= 0 <= window.top else None,
        centre=(window.x(0), window.y(0)) if window.holds(0, 0) else None,
    )


def _window(fields):
    """The window round all fields, including the Galactic plane and centre if near."""
    turns = np.radians([f.longitude for f in fields])
    middle = math.degrees(math.atan2(np.sin(turns).mean(), np.cos(turns).mean())) % 360
    offsets = np.array([(f.longitude - middle + 180) % 360 - 180 for f in fields])
    left, right = offsets.max(), offsets.min()
    middle = (middle + (left + right) / 2) % 360
    half_width = max((left - right) / 2 + 2 * MARGIN_DEGREES, MIN_WIDTH_DEGREES / 2)
    bottom = min(f.latitude - f.radius for f in fields) - MARGIN_DEGREES
    top = max(f.latitude + f.radius for f in fields) + MARGIN_DEGREES
    if bottom < PLANE_REACH_DEGREES and top > -PLANE_REACH_DEGREES:
        bottom, top = min(bottom, -MARGIN_DEGREES), max(top, MARGIN_DEGREES)
    return _of_pleasant_shape(middle, half_width, max(bottom, -90), min(top, 90))


def _of_pleasant_shape(middle, half_width, bottom, top):
    height = max(top - bottom, MIN_HEIGHT_DEGREES, 2 * half_width * MIN_ASPECT)
    half_width = min(max(half_width, height / MAX_ASPECT / 2), 180)
    bottom = max((bottom + top - height) / 2, -90)
    return _Window(middle, half_width, bottom, min(bottom + height, 90))


def _step(degrees):
    return next((s for s in STEPS if degrees / s <= MAX_LINES), STEPS[-1])


def _meridians(window):
    step = _step(2 * window.half_width)
    first = math.ceil((window.middle - window.half_width) / step) * step
    longitudes = (np.arange(first, window.middle + window.half_width, step) % 360).tolist()
    lines = [Line(window.x(longitude), f"{longitude:g}°") for longitude in longitudes]
    return tuple(line for line in lines if line.position < WIDTH - LABEL_WIDTH)


def _parallels(window):
    step = _step(2 * (window.top - window.bottom))
    first = math.ceil(window.bottom / step) * step
    latitudes = np.arange(first, window.top, step).tolist()
    return tuple(Line(window.y(b), f"{b:+g}°" if b else "0°") for b in latitudes)


def _mark(field, window):
    stretch = max(math.cos(math.radians(field.latitude)), 0.05)
    radius = max(field.radius * window.scale, 9)  # large enough to be hit
    return FieldMarker(
        field,
        x=window.x(field.longitude),
        y=window.y(field.latitude),
        rx=min(radius / stretch, WIDTH / 2),
        ry=radius,
        level=1 + sum(field.n_exposures >= n for n in LEVELS),
    )
