"""Look at reference images alone where catalogues round a position are sought."""

from django.db import migrations

TOUCHING = """
CREATE OR REPLACE FUNCTION galreferences_touching(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT galreferences.id
    FROM galimages JOIN galreferences ON galreferences.image_id = galimages.id
    WHERE galreferences.active {of_references}
        AND q3c_join(centre_ra, centre_dec, galimages.ra, galimages.dec,
            radius_arcsec / 3600 + 1.01 * (SELECT max(radius) FROM galimages))
        AND q3c_dist(centre_ra, centre_dec, galimages.ra, galimages.dec)
            <= radius_arcsec / 3600 + 1.01 * galimages.radius
    ORDER BY galreferences.id
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0006_reference_positions"),
        ("photometry", "0001_initial"),
    ]

    operations = [
        # Else every epoch of the place is looked at for the one that is a reference.
        migrations.RunSQL(
            TOUCHING.format(of_references="AND galimages.is_reference"),
            TOUCHING.format(of_references=""),
        ),
    ]
