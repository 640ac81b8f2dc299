"""The outline of a camera's chips on the sky, as offsets from where it points."""

from exposures.fits.decam import INSTRUMENT
from exposures.simulation.mosaic import FULL_SHAPE, GAPS, PIXEL_DEGREES, ROWS


def decam_outline() -> list[tuple[float, float]]:
    """Corners round DECam's 62 chips in turn, degrees to the east and north of the pointing.

    Gaps between chips are inside; the corrector's distortion, of a hundredth, is left out.
    """
    gap_east, gap_north = (gap * PIXEL_DEGREES for gap in GAPS)
    long_side, short_side = (side * PIXEL_DEGREES for side in FULL_SHAPE)
    pitch_east, pitch_north = long_side + gap_east, short_side + gap_north
    corners = []
    for row, n_chips in enumerate(ROWS):
        north = (len(ROWS) / 2 - row) * pitch_north
        east = (n_chips * pitch_east - gap_east) / 2
        corners += [(east, north), (east, north - pitch_north)]
    other_side = [(-east, north) for east, north in reversed(corners)]
    return [(round(east, 4), round(north, 4)) for east, north in [*corners, *other_side]]


OUTLINES = {INSTRUMENT: decam_outline()}
