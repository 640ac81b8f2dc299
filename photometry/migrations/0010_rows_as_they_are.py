"""Hand measurements on as the rows they are, and take a catalogue's own epoch beforehand.

Between functions each row was made anew of 12 of its 15 columns, a quarter of the time of a source's
rows; and the one epoch that galcoverages does not have was joined by UNION, a tenth of the time of
a light curve. SELECT * gives galsources' own rows, as partitions are made LIKE it, and what is
altered there is altered in them.
"""

from importlib import import_module

from django.db import migrations

# What a result has of a row; every query of epochs below calls its rows s.
COLUMNS = """s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2, s.fracflux, s.quality, s.flags, s.x,
            s.y, s.galimage_id"""

ROWS = """
DROP FUNCTION galsources_rows;
CREATE FUNCTION galsources_rows(of_refsource_id bigint) RETURNS SETOF galsources
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
DECLARE
    partition text := 'galsources_' || (of_refsource_id >> 20);
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN QUERY EXECUTE
            format('SELECT * FROM %s WHERE refsource_id = %s', partition, of_refsource_id);
    END IF;
END
$$;
COMMENT ON FUNCTION galsources_rows IS
    'Every measurement of a source, in no order; galsources_light_curve knows the epochs too.';
"""

LIGHT_CURVE = f"""
CREATE OR REPLACE FUNCTION galsources_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
DECLARE
    own record;
BEGIN
    SELECT r.mjd, r.filter, r.identifier INTO own
    FROM galreferences AS r WHERE r.id = of_refsource_id >> 20;
    RETURN QUERY
        SELECT coalesce(c.mjd, own.mjd) AS epoch, coalesce(c.filter, own.filter),
            {COLUMNS}, coalesce(c.identifier, own.identifier), s.is_reference
        FROM galsources_rows(of_refsource_id) AS s
        LEFT JOIN galcoverages AS c
            ON c.catalogue_id = of_refsource_id >> 20 AND c.image_id = s.galimage_id
        WHERE s.is_reference OR c.id IS NOT NULL
        ORDER BY epoch;
END
$$;
"""

CONE_ROWS = """
DROP FUNCTION galsources_cone_rows;
CREATE FUNCTION galsources_cone_rows(of_catalogue_id bigint, cells text) RETURNS SETOF galsources
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT * FROM %1$s
        WHERE refsource_id = ANY (ARRAY(SELECT s.refsource_id FROM %1$s AS s WHERE %2$s))
    $sql$, 'galsources_' || of_catalogue_id, cells);
END
$$;
COMMENT ON FUNCTION galsources_cone_rows IS
    'Every measurement of the sources s of a catalogue that a condition, of galsources_cells, is of.';
"""

CONE_LIGHT_CURVES = f"""
CREATE OR REPLACE FUNCTION galsources_cone_light_curves(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS TABLE (
    refsource_id bigint, mjd double precision, filter varchar, mag real, mag_err real, flux real,
    flux_err real, rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 200 AS $$
DECLARE
    own record;
    cells text := galsources_cells(centre_ra, centre_dec, radius_arcsec / 3600);
BEGIN
    FOR own IN
        SELECT r.id, r.mjd, r.filter, r.identifier
        FROM galreferences_touching(centre_ra, centre_dec, radius_arcsec) AS touching (id)
        JOIN galreferences AS r ON r.id = touching.id
        ORDER BY r.id
    LOOP
        RETURN QUERY
            SELECT s.refsource_id, coalesce(c.mjd, own.mjd) AS epoch,
                coalesce(c.filter, own.filter), {COLUMNS},
                coalesce(c.identifier, own.identifier), s.is_reference
            FROM galsources_cone_rows(own.id, cells) AS s
            LEFT JOIN galcoverages AS c
                ON c.catalogue_id = own.id AND c.image_id = s.galimage_id
            WHERE s.is_reference OR c.id IS NOT NULL
            ORDER BY s.refsource_id, epoch;
    END LOOP;
END
$$;
"""


def before(migration, *names):
    """Texts of functions as an earlier migration has them."""
    module = import_module(f"photometry.migrations.{migration}")
    return "".join(getattr(module, name) for name in names)


BEFORE = (
    "DROP FUNCTION galsources_rows;"
    + before("0005_partitions_by_name", "ROWS")
    + before("0008_epochs_of_references", "LIGHT_CURVE")
    + "DROP FUNCTION galsources_cone_light_curves; DROP FUNCTION galsources_cone_rows;"
    + before("0008_epochs_of_references", "CONE_LIGHT_CURVES")
)


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0009_index_of_sources"),
    ]

    operations = [
        migrations.RunSQL(ROWS + LIGHT_CURVE + CONE_ROWS + CONE_LIGHT_CURVES, BEFORE),
    ]
