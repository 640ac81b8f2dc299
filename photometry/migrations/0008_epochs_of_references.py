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

# As q3c_join has them, of which some are empty (the end before the beginning).
CELLS = """
CREATE FUNCTION galsources_cells(
    centre_ra double precision, centre_dec double precision, radius_degrees double precision
) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    low bigint;
    high bigint;
    next_low bigint;
    next_high bigint;
    cells text := '';
BEGIN
    FOR i IN 0..3 LOOP
        next_low := q3c_nearby_it(centre_ra, centre_dec, radius_degrees, 2 * i);
        next_high := q3c_nearby_it(centre_ra, centre_dec, radius_degrees, 2 * i + 1);
        IF next_low = high + 1 THEN
            high := next_high;
        ELSIF next_low <= next_high THEN
            IF low IS NOT NULL THEN
                cells := cells || format(
                    'q3c_ang2ipix(s.ra, s."dec") BETWEEN %s AND %s OR ', low, high);
            END IF;
            low := next_low;
            high := next_high;
        END IF;
    END LOOP;
    RETURN cells || format('q3c_ang2ipix(s.ra, s."dec") BETWEEN %s AND %s', low, high);
END
$$;
COMMENT ON FUNCTION galsources_cells IS
    'The condition on the index of positions of sources s that a cone in degrees lies in.';
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
            SELECT s.refsource_id, s.galimage_id, %5$L::varchar AS filter,
                3600 * q3c_dist(%1$L, %2$L, s.ra, s."dec") AS distance_arcsec, s.ra, s."dec",
                s.x, s.y, s.flux, s.flux_err, s.mag, s.mag_err, s.rchi2, s.fracflux, s.quality,
                s.flags
            FROM galsources_%4$s AS s
            WHERE s.is_reference AND (%6$s) AND q3c_dist(%1$L, %2$L, s.ra, s."dec") < %3$L
        $sql$, centre_ra, centre_dec, radius_arcsec / 3600, c.id, c.filter,
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
    ]
