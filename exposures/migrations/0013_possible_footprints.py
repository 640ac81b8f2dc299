"""Hold what galimages says of a chip's place to what a chip can have, and ask the sky safely.

q3c raises an error on a polygon that is wider than some 23 degrees, or has a NULL. Whether a search
met the row of such a chip was the planner's choice, and chips of any field could fail by it; and a
radius of NaN or of many degrees is that of the widest chip, by which every search reaches further.
"""

from django.db import migrations

# Of the six pairs of corners; the largest distance of a chip's corners, and the smallest.
CORNERS = ((1, 3), (1, 5), (1, 7), (3, 5), (3, 7), (5, 7))
DISTANCES = tuple(
    f"q3c_dist(footprint[{a}], footprint[{a + 1}], footprint[{b}], footprint[{b + 1}])"
    for a, b in CORNERS
)
FROM_MIDDLE = tuple(f"q3c_dist(ra, dec, footprint[{i}], footprint[{i + 1}])" for i in (1, 3, 5, 7))
# NaN is greater than all numbers here, and so beyond the limits. The circle's radius is half the
# chip's diagonal in pixels of the size that they have in its middle.
WHOLE = "cardinality(footprint) = 8 AND array_position(footprint, NULL) IS NULL"
IS_POSSIBLE = (
    "(radius IS NULL OR (radius > 0 AND radius <= 20)) AND (footprint IS NULL OR coalesce("
    f"{WHOLE} AND greatest({', '.join(DISTANCES)}) < 20 AND least({', '.join(DISTANCES)}) > 0"
    f" AND greatest({', '.join(FROM_MIDDLE)}) BETWEEN radius / 2 AND 2 * radius, false))"
)
# Places that can't be go, and what was made with them is to be made again.
HOLD = f"""
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE galimages SET
    footprint = NULL, ra = NULL, dec = NULL, radius = NULL,
    status = CASE WHEN status = 'done' THEN 'failed' ELSE status END,
    error = CASE WHEN status = 'done' THEN
        'what was stored of its place on the sky was not a chip''s: solve its astrometry again, '
        || 'and process it again'
    ELSE error END
WHERE NOT ({IS_POSSIBLE});
ALTER TABLE galimages ADD CONSTRAINT galimages_place_is_possible CHECK ({IS_POSSIBLE});
"""
# CASE is evaluated in this order whatever the plan; conditions joined by AND are not. A function
# of one SELECT becomes part of the query that calls it.
CONTAINS = f"""
CREATE FUNCTION galfootprint_contains(
    point_ra double precision, point_dec double precision, footprint double precision[]
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN cardinality(footprint) <> 8 OR array_position(footprint, NULL) IS NOT NULL THEN false
        WHEN greatest({", ".join(DISTANCES)}) < 20
            THEN q3c_in_poly(point_ra, point_dec, footprint)
        ELSE false
    END
$$;
COMMENT ON FUNCTION galfootprint_contains IS
    'Whether a position lies in the four corners of a chip, degrees; false where they are no chip''s.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0012_stars_in_their_places"),
    ]

    operations = [
        migrations.RunSQL(
            HOLD, "ALTER TABLE galimages DROP CONSTRAINT galimages_place_is_possible"
        ),
        migrations.RunSQL(CONTAINS, "DROP FUNCTION galfootprint_contains"),
    ]
