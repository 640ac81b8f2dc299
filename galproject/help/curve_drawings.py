"""Small drawings of light curves, as SVG."""

from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT, MARGIN = 240.0, 110.0, 6.0
MIN_RANGE_MAG = 0.1


@dataclass(frozen=True)
class CurveDrawing:
    """Where the points of a light curve lie on a drawing of WIDTH by HEIGHT."""

    points: tuple[tuple[float, float], ...]  # x to the right, y down: brighter is up
    is_folded: bool  # drawn twice by phase; else over time
    brightest_mag: float
    faintest_mag: float

    @property
    def view_box(self) -> str:
        return f"0 0 {WIDTH:g} {HEIGHT:g}"


def drawing_of(days, mag, period_days=None, epoch_days=0.0) -> CurveDrawing:
    """The drawing of magnitudes (n,) at times (n,), folded twice if there is a period."""
    days, mag = np.asarray(days, float), np.asarray(mag, float)
    if period_days:
        phase = np.mod((days - epoch_days) / period_days, 1)
        at, mag = np.concatenate([phase, phase + 1]) / 2, np.concatenate([mag, mag])
    else:
        at = (days - days.min()) / max(np.ptp(days), 1e-9)
    low, high = mag.min(), mag.max()
    span = max(high - low, MIN_RANGE_MAG)
    x = MARGIN + (WIDTH - 2 * MARGIN) * at
    y = MARGIN + (HEIGHT - 2 * MARGIN) * (mag - low) / span
    points = tuple((round(float(a), 1), round(float(b), 1)) for a, b in zip(x, y, strict=True))
    return CurveDrawing(points, bool(period_days), float(low), float(high))
