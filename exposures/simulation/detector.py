"""The detector's effects on light: noise, saturation, bleed trails and defects."""

from dataclasses import dataclass

import numpy as np

from exposures.simulation.optics import render_stars

# Codes of the data-quality image from PLVER V3.5 on.
BAD, SATURATED, BLEED, COSMIC_RAY = 1, 3, 4, 5


@dataclass(frozen=True)
class SimulatedExposure:
    """The three images of a chip, as the Community Pipeline delivers them."""

    data: np.ndarray  # (ny, nx) float32, ADU
    weight: np.ndarray  # (ny, nx) float32, ADU^-2; 0 where the quality is 1, 3, 4 or 5
    quality: np.ndarray  # (ny, nx) int16


def expose(light, detector, cosmic_rays_per_megapixel, rng) -> SimulatedExposure:
    """Expose a chip to ``light`` (ny, nx), the expected ADU of stars and sky."""
    shape = light.shape
    amplifiers = detector.amplifiers(shape)
    gain, noise, limit = (
        _by_column(amplifiers, shape, name) for name in ("gain", "read_noise", "saturation")
    )
    electrons = rng.poisson(light * gain) + rng.normal(0, 1, shape) * noise
    data = electrons / gain
    quality = np.zeros(shape, "i2")
    _add_cosmic_rays(data, quality, cosmic_rays_per_megapixel, rng)
    _saturate(data, quality, limit)
    for column in detector.bad_columns(shape):
        data[:, column] = rng.normal(0, 30, shape[0])
        quality[:, column] = BAD
    variance = np.maximum(data, 0) / gain + (noise / gain) ** 2
    weight = np.where(np.isin(quality, (BAD, SATURATED, BLEED, COSMIC_RAY)), 0, 1 / variance)
    return SimulatedExposure(data.astype("f4"), weight.astype("f4"), quality)


def _by_column(amplifiers, shape, name):
    values = np.empty(shape[1])
    for amplifier in amplifiers:
        values[amplifier.x_start : amplifier.x_stop] = getattr(amplifier, name)
    return values


def _add_cosmic_rays(data, quality, per_megapixel, rng):
    for y, x in _tracks(data.shape, per_megapixel, rng):
        data[y, x] += rng.uniform(300, 5000)
        quality[y, x] = COSMIC_RAY


def _tracks(shape, per_megapixel, rng):
    """Pixels (y, x) of short straight tracks."""
    for _ in range(rng.poisson(per_megapixel * shape[0] * shape[1] / 1e6)):
        steps = np.arange(rng.integers(2, 12))
        angle = rng.uniform(0, np.pi)
        y = np.round(rng.uniform(0, shape[0]) + steps * np.sin(angle)).astype(int)
        x = np.round(rng.uniform(0, shape[1]) + steps * np.cos(angle)).astype(int)
        inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        yield y[inside], x[inside]


def _saturate(data, quality, limit):
    """Cut at the amplifier's limit; the charge above it runs along the column both ways."""
    full = data > limit
    excess = np.where(full, data / limit - 1, 0).sum(axis=0)
    data[:] = np.where(full, limit, data)
    quality[full] = SATURATED
    for column in np.flatnonzero(full.any(axis=0)):
        rows = np.flatnonzero(full[:, column])
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            length = min(int(3 * excess[column] * len(run) / len(rows)), 400)
            for trail in (
                slice(max(run[0] - length, 0), run[0]),
                slice(run[-1] + 1, run[-1] + 1 + length),
            ):
                fresh = quality[trail, column] != SATURATED
                data[trail, column] = np.where(
                    fresh, np.maximum(data[trail, column], 0.8 * limit[column]), data[trail, column]
                )
                quality[trail, column] = np.where(fresh, BLEED, quality[trail, column])


ARTIFACTS = ("cosmic ray", "ghost", "streak", "charge")
EDGE_PIXELS = 20  # artifacts keep away from the edge by this
STREAK_PIXELS, COSMIC_RAY_PIXELS = 17, 4


@dataclass(frozen=True)
class SpuriousLight:
    """Artifacts: light on the reference image from no star, and without a mask."""

    kind: str
    x: float  # pixels
    y: float
    flux: float  # ADU


def add_artifacts(light, stars, n, optics, rng):
    """Add ``n`` artifacts to ``light`` in place; ``stars`` are x, y, flux. Their list."""
    placed = [_place(str(kind), light.shape, stars, rng) for kind in rng.choice(ARTIFACTS, n)]
    for artifact in placed:
        if artifact.kind == "cosmic ray":
            x, y, flux = _line(artifact, COSMIC_RAY_PIXELS, rng)
            np.add.at(light, (np.round(y).astype(int), np.round(x).astype(int)), flux)
        else:
            points = _line(artifact, STREAK_PIXELS if artifact.kind == "streak" else 1, rng)
            light += render_stars(*points, optics, light.shape, 1.0)
    return placed


def _place(kind, shape, stars, rng):
    """Place an artifact: charge over a bright unsaturated star, other kinds anywhere."""
    y, x = (rng.uniform(EDGE_PIXELS, side - EDGE_PIXELS) for side in shape)
    if kind != "charge":
        return SpuriousLight(kind, x, y, 10 ** rng.uniform(3.6, 5.0))
    bright = np.flatnonzero(_is_inside(stars, shape) & (stars[2] > 3e3) & (stars[2] < 3e5))
    if len(bright) == 0:
        return SpuriousLight("ghost", x, y, 10 ** rng.uniform(3.6, 5.0))
    star = rng.choice(bright)
    x, y, flux = (float(values[star]) for values in stars)
    return SpuriousLight(kind, x, y, flux * (10 ** (0.4 * rng.uniform(0.3, 2.0)) - 1))


def _is_inside(stars, shape):
    x, y, _ = stars
    inside = (x > EDGE_PIXELS) & (x < shape[1] - EDGE_PIXELS)
    return inside & (y > EDGE_PIXELS) & (y < shape[0] - EDGE_PIXELS)


def _line(artifact, length, rng):
    """x, y and flux of the pixels of a straight line about an artifact's position."""
    steps, angle = np.arange(length) - (length - 1) / 2, rng.uniform(0, np.pi)
    x, y = artifact.x + steps * np.cos(angle), artifact.y + steps * np.sin(angle)
    return x, y, np.full(length, artifact.flux / length)
