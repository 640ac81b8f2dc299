"""Find the catalogues round a position by the index of the images' positions.

An argument of q3c_join that holds a subquery keeps PostgreSQL from expanding it into ranges of the
index: every reference image was looked at, 13 ms of 25,000.
"""

from importlib import import_module

from django.db import migrations

# A chip's circle is measured at its centre; distortion may stretch it, by far less than 1 %.
TOUCHING = """
DROP FUNCTION galreferences_touching;
CREATE FUNCTION galreferences_touching(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 AS $$
DECLARE
    radius_degrees double precision := radius_arcsec / 3600;
    reach double precision := radius_degrees + 1.01 * (SELECT max(radius) FROM galimages);
BEGIN
    RETURN QUERY
        SELECT c.id
        FROM galimages AS i JOIN galreferences AS c ON c.image_id = i.id
        WHERE c.active AND i.is_reference
            AND q3c_join(centre_ra, centre_dec, i.ra, i.dec, reach)
            AND q3c_dist(centre_ra, centre_dec, i.ra, i.dec) <= radius_degrees + 1.01 * i.radius
        ORDER BY c.id;
END
$$;
COMMENT ON FUNCTION galreferences_touching IS
    'Active reference catalogues whose image has sky within a radius of a position in degrees.';
ALTER FUNCTION galsources_cone ROWS 10;
ALTER FUNCTION galsources_light_curve ROWS 100;
"""

before = import_module("photometry.migrations.0002_touching_references").TOUCHING
BEFORE = f"""
DROP FUNCTION galreferences_touching;
{before.format(of_references="AND galimages.is_reference")};
ALTER FUNCTION galsources_cone ROWS 1000;
ALTER FUNCTION galsources_light_curve ROWS 1000;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0005_partitions_by_name"),
    ]

    operations = [
        migrations.RunSQL(TOUCHING, BEFORE),
    ]
