"""Objects that join reference sources of all filters, and their light curves for SQL users."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import exposures.q3c
import photometry.models

LIGHT_CURVE = """
CREATE FUNCTION galobjects_light_curve(of_object_id bigint) RETURNS TABLE (
    refsource_id bigint, mjd double precision, filter varchar, mag real, mag_err real, flux real,
    flux_err real, rchi2 real, fracflux real, quality real, flags smallint, galimage_id bigint,
    exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ids bigint[];
BEGIN
    -- Constants to the planner, as for galsources_light_curve.
    SELECT array_agg(m.refsource_id) INTO ids
    FROM galobjectsources m
    JOIN galreferences c ON c.id = m.refsource_id >> 20 AND c.active
    WHERE m.object_id = of_object_id;
    IF ids IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        SELECT s.refsource_id, e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2,
            s.fracflux, s.quality, s.flags, s.galimage_id, e.identifier, s.is_reference
        FROM galsources AS s
        CROSS JOIN LATERAL (
            SELECT galexposures.* FROM galimages
            JOIN galexposures ON galexposures.id = galimages.exposure_id
            WHERE galimages.id = s.galimage_id OFFSET 0
        ) AS e
        WHERE s.refsource_id = ANY (%L)
        ORDER BY e.filter, s.refsource_id, e.mjd
    $sql$, ids);
END
$$;
COMMENT ON FUNCTION galobjects_light_curve IS
    'Every measurement of an object in all filters, by filter and source, oldest first.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0003_reference_sets"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalObject",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ra", models.FloatField(help_text="mean of its sources, ICRS degrees")),
                ("dec", models.FloatField(help_text="mean of its sources, ICRS degrees")),
                ("n_sources", models.SmallIntegerField(help_text="in catalogues in use")),
                ("n_filters", models.SmallIntegerField()),
                (
                    "kind",
                    models.SmallIntegerField(
                        choices=[
                            (0, "in no catalogue in use"),
                            (1, "in one filter alone"),
                            (2, "one source in each filter"),
                            (3, "a blend: one source here is several there"),
                            (4, "one source in each filter, perhaps a blend"),
                        ]
                    ),
                ),
            ],
            options={
                "db_table": "galobjects",
                "indexes": [
                    django.contrib.postgres.indexes.BTreeIndex(
                        exposures.q3c.Q3CIndexExpression("ra", "dec"), name="galobjects_q3c"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GalObjectSource",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                (
                    "mag",
                    photometry.models.RealField(
                        help_text="on the reference image, or robust mean of its set"
                    ),
                ),
                ("filter", models.CharField(max_length=16)),
                (
                    "object",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="sources",
                        to="photometry.galobject",
                    ),
                ),
            ],
            options={"db_table": "galobjectsources"},
        ),
        migrations.RunSQL(LIGHT_CURVE, "DROP FUNCTION galobjects_light_curve"),
    ]
