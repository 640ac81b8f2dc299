"""Find sources and light curves by the names of partitions, and epochs by plans that are kept.

Planning was more than half of a search. What is planned anew each time, as the partition differs,
is now one table alone; the rest is planned once a session.
"""

from importlib import import_module

from django.db import migrations

ROWS = """
CREATE FUNCTION galsources_rows(of_refsource_id bigint) RETURNS TABLE (
    galimage_id bigint, mag real, mag_err real, flux real, flux_err real, rchi2 real,
    fracflux real, quality real, flags smallint, x real, y real, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
DECLARE
    partition text := 'galsources_' || (of_refsource_id >> 20);
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN QUERY EXECUTE format($sql$
            SELECT galimage_id, mag, mag_err, flux, flux_err, rchi2, fracflux, quality, flags, x,
                y, is_reference
            FROM %s WHERE refsource_id = %s
        $sql$, partition, of_refsource_id);
    END IF;
END
$$;
COMMENT ON FUNCTION galsources_rows IS
    'Every measurement of a source, in no order; galsources_light_curve knows the epochs too.';
"""

LIGHT_CURVE = """
CREATE OR REPLACE FUNCTION galsources_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
        SELECT e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2, s.fracflux,
            s.quality, s.flags, s.x, s.y, s.galimage_id, e.identifier, s.is_reference
        FROM galsources_rows(of_refsource_id) AS s
        JOIN galimages AS i ON i.id = s.galimage_id
        JOIN galexposures AS e ON e.id = i.exposure_id
        ORDER BY e.mjd;
END
$$;
"""

CONE = """
CREATE OR REPLACE FUNCTION galsources_cone(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS TABLE (
    refsource_id bigint, galimage_id bigint, filter varchar, distance_arcsec double precision,
    ra double precision, "dec" double precision, x real, y real, flux real, flux_err real,
    mag real, mag_err real, rchi2 real, fracflux real, quality real, flags smallint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    parts text;
BEGIN
    SELECT string_agg(format($sql$
            SELECT s.refsource_id, s.galimage_id, %5$L::varchar AS filter,
                3600 * q3c_dist(%1$L, %2$L, s.ra, s."dec") AS distance_arcsec, s.ra, s."dec",
                s.x, s.y, s.flux, s.flux_err, s.mag, s.mag_err, s.rchi2, s.fracflux, s.quality,
                s.flags
            FROM galsources_%4$s AS s
            WHERE s.is_reference AND q3c_join(%1$L, %2$L, s.ra, s."dec", %3$L)
        $sql$, centre_ra, centre_dec, radius_arcsec / 3600, c.id, e.filter), ' UNION ALL ')
    INTO parts
    FROM galreferences_touching(centre_ra, centre_dec, radius_arcsec) AS touching (id)
    JOIN galreferences AS c ON c.id = touching.id
    JOIN galimages AS i ON i.id = c.image_id
    JOIN galexposures AS e ON e.id = i.exposure_id;
    IF parts IS NOT NULL THEN
        RETURN QUERY EXECUTE parts || ' ORDER BY distance_arcsec';
    END IF;
END
$$;
"""


def before(name):
    """The text of a function as the first migration has it."""
    text = getattr(import_module("photometry.migrations.0001_initial"), name)
    return text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0004_objects"),
    ]

    operations = [
        migrations.RunSQL(ROWS, "DROP FUNCTION galsources_rows"),
        migrations.RunSQL(CONE, before("CONE")),
        migrations.RunSQL(LIGHT_CURVE, before("LIGHT_CURVE")),
    ]
