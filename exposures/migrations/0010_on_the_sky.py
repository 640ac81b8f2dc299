"""Hold right ascensions to 0 <= RA < 360 in the tables, and mend those that are on other turns.

wcslib follows the sign of CRVAL1: positions near 0 h, and all of a chip whose CRVAL1 is negative,
were stored on another turn, where the index of the sky doesn't look. Where a header has the
declination first, both were stored in each other's place.
"""

from django.db import migrations, models

WRAPPED = (
    "CASE WHEN {ra} - 360 * floor({ra} / 360) < 360 THEN {ra} - 360 * floor({ra} / 360) ELSE 0 END"
)
# A row that is updated twice in a transaction has its foreign keys checked at the end, and until
# then its table can't be altered.
AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE;"
# No declination is beyond 90 degrees: where one of a pair is, it is the right ascension.
MEND = """
UPDATE {table} SET ra = {of_dec}, dec = ra
WHERE abs(dec) BETWEEN 90.0000001 AND 1000 AND abs(ra) <= 90;
UPDATE {table} SET ra = {of_ra}
WHERE (ra < 0 OR ra >= 360) AND abs(ra) <= 1000 AND abs(dec) <= 90;
"""
# Mended where it has to be: elsewhere the rows are read once. Rows that can't be mended stay as
# they are, and are told of: what comes in from now on is held.
HOLD = """
ALTER TABLE {table} ADD CONSTRAINT {table}_on_the_sky
    CHECK (ra >= 0 AND ra < 360 AND dec >= -90 AND dec <= 90) NOT VALID;
DO $hold$
BEGIN
    ALTER TABLE {table} VALIDATE CONSTRAINT {table}_on_the_sky;
EXCEPTION WHEN check_violation THEN
    {mend}
    BEGIN
        ALTER TABLE {table} VALIDATE CONSTRAINT {table}_on_the_sky;
    EXCEPTION WHEN check_violation THEN
        RAISE WARNING 'some rows of {table} lie nowhere on the sky: process their images again';
    END;
END
$hold$;
"""
LET_GO = "ALTER TABLE {table} DROP CONSTRAINT {table}_on_the_sky"

# Footprints hold the same pairs. One that is no chip's makes searches fail that meet it, in
# whatever field: such a chip has none, and is to be processed again.
FOOTPRINTS = """
UPDATE galimages SET footprint = (
    SELECT array_agg(v.value ORDER BY v.corner, v.is_dec)
    FROM generate_series(1, 7, 2) AS c (corner)
    CROSS JOIN LATERAL (SELECT
        footprint[c.corner] AS first, footprint[c.corner + 1] AS second,
        {is_exchanged} AS is_exchanged
    ) AS p
    CROSS JOIN LATERAL (SELECT
        CASE WHEN p.is_exchanged THEN p.second ELSE p.first END AS ra,
        CASE WHEN p.is_exchanged THEN p.first ELSE p.second END AS dec
    ) AS o
    CROSS JOIN LATERAL (VALUES
        (c.corner, false, {of_ra}), (c.corner, true, o.dec)
    ) AS v (corner, is_dec, value)
)
WHERE cardinality(footprint) = 8 AND array_position(footprint, NULL) IS NULL
    AND 1000 >= ALL (footprint) AND -1000 <= ALL (footprint);
UPDATE galimages SET footprint = NULL, ra = NULL, dec = NULL, radius = NULL
WHERE footprint IS NOT NULL AND NOT coalesce({on_the_sky} AND {is_small}, false);
ALTER TABLE galimages ADD CONSTRAINT galimages_footprint_on_the_sky CHECK ({on_the_sky});
"""
ON_THE_SKY = " AND ".join(
    ("cardinality(footprint) = 8",)
    + tuple(
        f"footprint[{i}] >= 0 AND footprint[{i}] < 360"
        f" AND footprint[{i + 1}] >= -90 AND footprint[{i + 1}] <= 90"
        for i in (1, 3, 5, 7)
    )
)


# All four corners have the right ascension second: no other footprint has such "declinations".
IS_EXCHANGED = " AND ".join(
    f"abs(footprint[{i}]) <= 90 AND abs(footprint[{i + 1}]) > 90" for i in (1, 3, 5, 7)
)
# q3c refuses polygons wider than some 23 degrees.
IS_SMALL = " AND ".join(
    f"q3c_dist(footprint[{a}], footprint[{a + 1}], footprint[{b}], footprint[{b + 1}]) < 20"
    for a, b in ((1, 3), (1, 5), (3, 7), (5, 7))
)


def mend(table):
    """The statements that mend a table."""
    wrapped = {"of_dec": WRAPPED.format(ra="dec"), "of_ra": WRAPPED.format(ra="ra")}
    return MEND.format(table=table, **wrapped)


def on_the_sky(model, table):
    """The constraint as the models have it."""
    condition = models.Q(ra__gte=0, ra__lt=360, dec__gte=-90, dec__lte=90)
    return migrations.AddConstraint(
        model, models.CheckConstraint(condition=condition, name=f"{table}_on_the_sky")
    )


def footprint_on_the_sky():
    condition = models.Q(footprint__len=8)
    for ra, dec in ((0, 1), (2, 3), (4, 5), (6, 7)):
        condition &= models.Q(**{f"footprint__{ra}__gte": 0, f"footprint__{ra}__lt": 360})
        condition &= models.Q(**{f"footprint__{dec}__gte": -90, f"footprint__{dec}__lte": 90})
    return migrations.AddConstraint(
        "galimage",
        models.CheckConstraint(condition=condition, name="galimages_footprint_on_the_sky"),
    )


def held(model, table):
    """The operation for one table."""
    return migrations.RunSQL(
        AT_ONCE + HOLD.format(table=table, mend=mend(table)),
        LET_GO.format(table=table),
        state_operations=[on_the_sky(model, table)],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0009_files_of_results"),
    ]

    operations = [
        held("galexposure", "galexposures"),
        held("galfield", "galfields"),
        held("galimage", "galimages"),
        migrations.RunSQL(
            AT_ONCE
            + FOOTPRINTS.format(
                of_ra=WRAPPED.format(ra="o.ra"),
                on_the_sky=ON_THE_SKY,
                is_exchanged=IS_EXCHANGED,
                is_small=IS_SMALL,
            ),
            "ALTER TABLE galimages DROP CONSTRAINT galimages_footprint_on_the_sky",
            state_operations=[footprint_on_the_sky()],
        ),
    ]
