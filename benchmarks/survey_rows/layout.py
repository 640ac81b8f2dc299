"""Where the fields of a made-up survey lie on the sky, and the chips in them."""

import numpy as np
from astropy.coordinates import SkyCoord

from exposures.simulation.mosaic import FULL_SHAPE, GAPS, PIXEL_DEGREES, detectors

SPACING_DEGREES = 1.35  # so that corners of four fields share sky
FIRST_LONGITUDE = -10.0
CROWDED = "where most references meet"  # a field at the position that most references show

TABLES = """
CREATE SCHEMA fill;
-- A number from 0 to 1 that follows from a row's own number, whatever the order of rows.
CREATE FUNCTION fill.u(key bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT (hashint8extended($1, $2) & 4503599627370495)::float8 / 4503599627370496';
CREATE FUNCTION fill.normal(key bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS 'SELECT (fill.u($1, $2) + fill.u($1, $2 + 1000) + fill.u($1, $2 + 2000)
    + fill.u($1, $2 + 3000) - 2) * 1.7320508';
CREATE FUNCTION fill.one_of(words text[], at float8) RETURNS text LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS 'SELECT words[1 + floor(at * cardinality(words))::int]';
CREATE FUNCTION fill.filter(g int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ('{g,r,i}'::text[])[1 + mod(g, 3)] $$;
CREATE UNLOGGED TABLE fill.pointings (pointing int PRIMARY KEY, ra float8, dec float8);
CREATE UNLOGGED TABLE fill.chips (
    chip int PRIMARY KEY, ccdnum int, name text, north float8, east float8
);
"""


def pointings(n):
    """(n,) ra, dec in degrees: two rows of fields along the Galactic plane, square by square."""
    number = np.arange(n)
    longitude = FIRST_LONGITUDE + SPACING_DEGREES * (number // 2)
    latitude = SPACING_DEGREES * (number % 2 - 0.5)
    centres = SkyCoord(longitude, latitude, unit="deg", frame="galactic").icrs
    return centres.ra.deg, centres.dec.deg


def chips(n):
    """Number, name, and degrees to the north and east of the pointing of ``n`` chips' middles."""
    pitch_y, pitch_x = (side + gap for side, gap in zip(FULL_SHAPE, GAPS, strict=True))
    for detector in detectors(n):
        # +x is to the south and +y to the east.
        north = -detector.row * pitch_x * PIXEL_DEGREES
        yield detector.ccdnum, detector.name, north, detector.column * pitch_y * PIXEL_DEGREES


def lay_out(cursor, size):
    """Make the tables of which all others follow."""
    cursor.execute(TABLES)
    places = zip(*(column.tolist() for column in pointings(size.n_pointings)), strict=True)
    cursor.executemany(
        "INSERT INTO fill.pointings VALUES (%s, %s, %s)",
        [(number, *place) for number, place in enumerate(places)],
    )
    cursor.executemany(
        "INSERT INTO fill.chips VALUES (%s, %s, %s, %s, %s)",
        [(number, *chip) for number, chip in enumerate(chips(size.n_chips))],
    )
