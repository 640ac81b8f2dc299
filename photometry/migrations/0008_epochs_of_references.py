"""Keep the epoch of a catalogue's own image with it, and plan a cone on as few ranges as it has.

Of a cone most was planning: q3c_join is four ranges of the index, each considered by itself, where
most small cones lie in one or two that have no gap between them: 0.33 ms on the server, now 0.22.
"""

from importlib import import_module

from django.db import migrations, models

EPOCHS = """
ALTER TABLE galreferences
    ADD COLUMN mjd double precision,
    ADD COLUMN filter varchar(16),
    ADD COLUMN identifier varchar(100);
UPDATE galreferences SET mjd = e.mjd, filter = e.filter, identifier = e.identifier
FROM galimages AS i JOIN galexposures AS e ON e.id = i.exposure_id
WHERE i.id = galreferences.image_id;
ALTER TABLE galreferences
    ALTER COLUMN mjd SET NOT NULL,
    ALTER COLUMN filter SET NOT NULL,
    ALTER COLUMN identifier SET NOT NULL;

ALTER FUNCTION galcoverages_take_epoch RENAME TO galimages_take_epoch;
CREATE TRIGGER take_epoch BEFORE INSERT OR UPDATE ON galreferences
    FOR EACH ROW EXECUTE FUNCTION galimages_take_epoch();

CREATE OR REPLACE FUNCTION galexposures_give_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- mjd, and take_epoch the rest
    UPDATE galcoverages SET mjd = NEW.mjd
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galcoverages.image_id = i.id;
    UPDATE galreferences SET mjd = NEW.mjd
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galreferences.image_id = i.id;
    RETURN NULL;
END
$$;
"""
NO_EPOCHS = """
CREATE OR REPLACE FUNCTION galexposures_give_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE galcoverages SET mjd = NEW.mjd  -- and take_epoch the rest
    FROM galimages AS i WHERE i.exposure_id = NEW.id AND galcoverages.image_id = i.id;
    RETURN NULL;
END
$$;
DROP TRIGGER take_epoch ON galreferences;
ALTER FUNCTION galimages_take_epoch RENAME TO galcoverages_take_epoch;
ALTER TABLE galreferences DROP COLUMN mjd, DROP COLUMN filter, DROP COLUMN identifier;
"""

LIGHT_CURVE = """
CREATE OR REPLACE FUNCTION galsources_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
BEGIN
    RETURN QUERY
        SELECT e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2, s.fracflux,
            s.quality, s.flags, s.x, s.y, s.galimage_id, e.identifier, s.is_reference
        FROM galsources_rows(of_refsource_id) AS s
        JOIN (
            SELECT c.image_id, c.mjd, c.filter, c.identifier
            FROM galcoverages AS c
            WHERE c.catalogue_id = of_refsource_id >> 20
            UNION ALL
            SELECT r.image_id, r.mjd, r.filter, r.identifier
            FROM galreferences AS r
            WHERE r.id = of_refsource_id >> 20
        ) AS e ON e.image_id = s.galimage_id
        ORDER BY e.mjd;
END
$$;
"""

# The ranges are those of q3c_join; some are empty (the end before the beginning), and neighbours
# have any places among them.
CELLS = """
CREATE FUNCTION galsources_cells(
    centre_ra double precision, centre_dec double precision, radius_degrees double precision
) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    low bigint;
    high bigint;
    lows bigint[] := '{}';
    highs bigint[] := '{}';
    place int;
    cells text := '';
BEGIN
    FOR i IN 0..3 LOOP
        low := q3c_nearby_it(centre_ra, centre_dec, radius_degrees, 2 * i);
        high := q3c_nearby_it(centre_ra, centre_dec, radius_degrees, 2 * i + 1);
        CONTINUE WHEN high < low;
        place := array_position(highs, low - 1);
        IF place IS NULL THEN
            lows := lows || low;
            highs := highs || high;
        ELSE
            highs[place] := high;
        END IF;
    END LOOP;
    FOR i IN 1..cardinality(lows) LOOP
        cells := cells || CASE i WHEN 1 THEN '(' ELSE ' OR ' END
            || 'q3c_ang2ipix(s.ra, s."dec") BETWEEN ' || lows[i] || ' AND ' || highs[i];
    END LOOP;
    RETURN format('s.is_reference AND %s) AND q3c_dist(%L, %L, s.ra, s."dec") < %L',
        cells, centre_ra, centre_dec, radius_degrees);
END
$$;
COMMENT ON FUNCTION galsources_cells IS
    'The condition, for an index, that reference sources s lie in a cone; all in degrees.';
"""

CONE = """
CREATE OR REPLACE FUNCTION galsources_cone(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS TABLE (
    refsource_id bigint, galimage_id bigint, filter varchar, distance_arcsec double precision,
    ra double precision, "dec" double precision, x real, y real, flux real, flux_err real,
    mag real, mag_err real, rchi2 real, fracflux real, quality real, flags smallint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 AS $$
DECLARE
    parts text;
BEGIN
    SELECT string_agg(format($sql$
            SELECT s.refsource_id, s.galimage_id, %4$L::varchar AS filter,
                3600 * q3c_dist(%1$L, %2$L, s.ra, s."dec") AS distance_arcsec, s.ra, s."dec",
                s.x, s.y, s.flux, s.flux_err, s.mag, s.mag_err, s.rchi2, s.fracflux, s.quality,
                s.flags
            FROM galsources_%3$s AS s
            WHERE %5$s
        $sql$, centre_ra, centre_dec, c.id, c.filter,
        galsources_cells(centre_ra, centre_dec, radius_arcsec / 3600)), ' UNION ALL ')
    INTO parts
    FROM galreferences_touching(centre_ra, centre_dec, radius_arcsec) AS touching (id)
    JOIN galreferences AS c ON c.id = touching.id;
    IF parts IS NOT NULL THEN
        RETURN QUERY EXECUTE parts || ' ORDER BY distance_arcsec';
    END IF;
END
$$;
"""

# One search of a partition for all sources, where LATERAL makes one of each.
CONE_LIGHT_CURVES = """
CREATE FUNCTION galsources_cone_rows(of_catalogue_id bigint, cells text) RETURNS TABLE (
    refsource_id bigint, galimage_id bigint, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT refsource_id, galimage_id, mag, mag_err, flux, flux_err, rchi2, fracflux, quality,
            flags, x, y, is_reference
        FROM %1$s
        WHERE refsource_id = ANY (ARRAY(SELECT s.refsource_id FROM %1$s AS s WHERE %2$s))
    $sql$, 'galsources_' || of_catalogue_id, cells);
END
$$;
COMMENT ON FUNCTION galsources_cone_rows IS
    'Every measurement of the sources s of a catalogue that a condition, of galsources_cells, is of.';

CREATE FUNCTION galsources_cone_light_curves(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS TABLE (
    refsource_id bigint, mjd double precision, filter varchar, mag real, mag_err real, flux real,
    flux_err real, rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 200 AS $$
DECLARE
    of_catalogue_id bigint;
    cells text := galsources_cells(centre_ra, centre_dec, radius_arcsec / 3600);
BEGIN
    FOR of_catalogue_id IN
        SELECT galreferences_touching(centre_ra, centre_dec, radius_arcsec)
    LOOP
        RETURN QUERY
            SELECT s.refsource_id, e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2,
                s.fracflux, s.quality, s.flags, s.x, s.y, s.galimage_id, e.identifier,
                s.is_reference
            FROM galsources_cone_rows(of_catalogue_id, cells) AS s
            JOIN (
                SELECT c.image_id, c.mjd, c.filter, c.identifier
                FROM galcoverages AS c
                WHERE c.catalogue_id = of_catalogue_id
                UNION ALL
                SELECT r.image_id, r.mjd, r.filter, r.identifier
                FROM galreferences AS r
                WHERE r.id = of_catalogue_id
            ) AS e ON e.image_id = s.galimage_id
            ORDER BY s.refsource_id, e.mjd;
    END LOOP;
END
$$;
COMMENT ON FUNCTION galsources_cone_light_curves IS
    'Every measurement of the sources of active catalogues near a position in degrees, each oldest first.';
"""

OF_EXPOSURE = "of the image's exposure; kept by the database"


def epoch_field(name, field):
    return migrations.AddField("GalReference", name, field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0007_epochs_of_coverages"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(EPOCHS, NO_EPOCHS)],
            state_operations=[
                epoch_field(
                    "mjd", models.FloatField(default=0.0, editable=False, help_text=OF_EXPOSURE)
                ),
                epoch_field(
                    "filter",
                    models.CharField(
                        default="", editable=False, help_text=OF_EXPOSURE, max_length=16
                    ),
                ),
                epoch_field(
                    "identifier",
                    models.CharField(
                        default="", editable=False, help_text=OF_EXPOSURE, max_length=100
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            LIGHT_CURVE, import_module("photometry.migrations.0007_epochs_of_coverages").LIGHT_CURVE
        ),
        migrations.RunSQL(CELLS, "DROP FUNCTION galsources_cells"),
        migrations.RunSQL(
            CONE, import_module("photometry.migrations.0005_partitions_by_name").CONE
        ),
        migrations.RunSQL(
            CONE_LIGHT_CURVES,
            "DROP FUNCTION galsources_cone_light_curves; DROP FUNCTION galsources_cone_rows",
        ),
    ]
