"""Reference catalogues, the partitioned table of sources, and its searches for SQL users."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import exposures.q3c
import photometry.models

# Columns in order of their size: 100 bytes a row, of which none between columns, and 42 in the
# indexes. No default partition: attaching a new one would scan it.
GALSOURCES = """
CREATE TABLE galsources (
    refsource_id bigint           NOT NULL,
    galimage_id  bigint           NOT NULL,
    ra           double precision NOT NULL,
    dec          double precision NOT NULL,
    x            real             NOT NULL,
    y            real             NOT NULL,
    flux         real             NOT NULL,
    flux_err     real             NOT NULL,
    mag          real             NOT NULL,
    mag_err      real             NOT NULL,
    rchi2        real             NOT NULL,
    fracflux     real             NOT NULL,
    quality      real             NOT NULL,
    flags        smallint         NOT NULL,
    is_reference boolean          NOT NULL,
    CONSTRAINT galsources_pkey PRIMARY KEY (refsource_id, galimage_id)
) PARTITION BY RANGE (refsource_id);
CREATE INDEX galsources_q3c ON galsources (q3c_ang2ipix(ra, dec)) WHERE is_reference;
CREATE INDEX galsources_image ON galsources USING brin (galimage_id)
    WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE galsources IS
    'Measurements of reference sources; refsource_id >> 20 is the id in galreferences.';
"""

# A chip's circle is measured at its centre; distortion may stretch it, by far less than 1 %.
CATALOGUES_TOUCHING = """
CREATE FUNCTION galreferences_touching(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT galreferences.id
    FROM galimages JOIN galreferences ON galreferences.image_id = galimages.id
    WHERE galreferences.active
        AND q3c_join(centre_ra, centre_dec, galimages.ra, galimages.dec,
            radius_arcsec / 3600 + 1.01 * (SELECT max(radius) FROM galimages))
        AND q3c_dist(centre_ra, centre_dec, galimages.ra, galimages.dec)
            <= radius_arcsec / 3600 + 1.01 * galimages.radius
    ORDER BY galreferences.id
$$;
COMMENT ON FUNCTION galreferences_touching IS
    'Active reference catalogues whose image has sky within a radius of a position in degrees.';
"""

# EXECUTE, so that ids and centre are constants to the planner: it then plans the partitions in
# question alone. OFFSET 0 has the few rows looked up by key: as the planner can't tell how few,
# it may else go through all images.
CONE = """
CREATE FUNCTION galsources_cone(
    centre_ra double precision, centre_dec double precision, radius_arcsec double precision
) RETURNS TABLE (
    refsource_id bigint, galimage_id bigint, filter varchar, distance_arcsec double precision,
    ra double precision, "dec" double precision, x real, y real, flux real, flux_err real,
    mag real, mag_err real, rchi2 real, fracflux real, quality real, flags smallint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ranges text;
BEGIN
    SELECT string_agg(
        format('refsource_id BETWEEN %s AND %s', id << 20, ((id + 1) << 20) - 1), ' OR ')
    INTO ranges
    FROM galreferences_touching(centre_ra, centre_dec, radius_arcsec) AS touching (id);
    IF ranges IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        SELECT s.refsource_id, s.galimage_id, e.filter, s.distance_arcsec, s.ra, s."dec",
            s.x, s.y, s.flux, s.flux_err, s.mag, s.mag_err, s.rchi2, s.fracflux, s.quality,
            s.flags
        FROM (
            SELECT *, 3600 * q3c_dist(%1$L, %2$L, ra, "dec") AS distance_arcsec
            FROM galsources
            WHERE (%4$s) AND is_reference AND q3c_join(%1$L, %2$L, ra, "dec", %3$L)
        ) AS s
        CROSS JOIN LATERAL (
            SELECT galexposures.* FROM galimages
            JOIN galexposures ON galexposures.id = galimages.exposure_id
            WHERE galimages.id = s.galimage_id OFFSET 0
        ) AS e
        ORDER BY s.distance_arcsec
    $sql$, centre_ra, centre_dec, radius_arcsec / 3600, ranges);
END
$$;
COMMENT ON FUNCTION galsources_cone IS
    'Reference sources of active catalogues near a position in degrees, nearest first.';
"""

LIGHT_CURVE = """
CREATE FUNCTION galsources_light_curve(of_refsource_id bigint) RETURNS TABLE (
    mjd double precision, filter varchar, mag real, mag_err real, flux real, flux_err real,
    rchi2 real, fracflux real, quality real, flags smallint, x real, y real,
    galimage_id bigint, exposure varchar, is_reference boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT e.mjd, e.filter, s.mag, s.mag_err, s.flux, s.flux_err, s.rchi2, s.fracflux,
            s.quality, s.flags, s.x, s.y, s.galimage_id, e.identifier, s.is_reference
        FROM galsources AS s
        CROSS JOIN LATERAL (
            SELECT galexposures.* FROM galimages
            JOIN galexposures ON galexposures.id = galimages.exposure_id
            WHERE galimages.id = s.galimage_id OFFSET 0
        ) AS e
        WHERE s.refsource_id = %s
        ORDER BY e.mjd
    $sql$, of_refsource_id);
END
$$;
COMMENT ON FUNCTION galsources_light_curve IS
    'Every measurement of a source, oldest first.';
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("exposures", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalReference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("options", models.JSONField(default=dict)),
                ("code_version", models.CharField(blank=True, max_length=64)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "active",
                    models.BooleanField(default=True, help_text="not replaced by a later one"),
                ),
                ("n_sources", models.PositiveIntegerField(default=0)),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="catalogues",
                        to="exposures.galimage",
                    ),
                ),
            ],
            options={
                "db_table": "galreferences",
            },
        ),
        migrations.CreateModel(
            name="GalCoverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("n_sources", models.PositiveIntegerField(help_text="rows saved in galsources")),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coverages",
                        to="exposures.galimage",
                    ),
                ),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="coverages",
                        to="photometry.galreference",
                    ),
                ),
            ],
            options={
                "db_table": "galcoverages",
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(GALSOURCES, "DROP TABLE galsources")],
            state_operations=[
                migrations.CreateModel(
                    name="GalSource",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "refsource_id",
                                "galimage_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("refsource_id", models.BigIntegerField()),
                        ("galimage_id", models.BigIntegerField()),
                        (
                            "ra",
                            models.FloatField(help_text="of the reference source, ICRS degrees"),
                        ),
                        (
                            "dec",
                            models.FloatField(help_text="of the reference source, ICRS degrees"),
                        ),
                        (
                            "x",
                            photometry.models.RealField(help_text="on this image, pixels from 0"),
                        ),
                        (
                            "y",
                            photometry.models.RealField(help_text="on this image, pixels from 0"),
                        ),
                        ("flux", photometry.models.RealField(help_text="ADU")),
                        ("flux_err", photometry.models.RealField(help_text="ADU, as fitted")),
                        (
                            "mag",
                            photometry.models.RealField(help_text="corrected to the reference"),
                        ),
                        (
                            "mag_err",
                            photometry.models.RealField(
                                help_text="with the floor, expanded so that chi2/nu is 1"
                            ),
                        ),
                        (
                            "rchi2",
                            photometry.models.RealField(
                                help_text="PSF-weighted reduced chi2 of the fit"
                            ),
                        ),
                        (
                            "fracflux",
                            photometry.models.RealField(
                                help_text="of the flux in the stamp that is the source's own"
                            ),
                        ),
                        (
                            "quality",
                            photometry.models.RealField(
                                help_text="fraction of the PSF on usable pixels"
                            ),
                        ),
                        (
                            "flags",
                            models.SmallIntegerField(
                                help_text="mask bits at the source; 128: too sharp"
                            ),
                        ),
                        (
                            "is_reference",
                            models.BooleanField(help_text="measured on the reference image itself"),
                        ),
                    ],
                    options={
                        "db_table": "galsources",
                        "indexes": [
                            django.contrib.postgres.indexes.BTreeIndex(
                                exposures.q3c.Q3CIndexExpression("ra", "dec"),
                                condition=models.Q(("is_reference", True)),
                                name="galsources_q3c",
                            ),
                            django.contrib.postgres.indexes.BrinIndex(
                                autosummarize=True,
                                fields=["galimage_id"],
                                name="galsources_image",
                                pages_per_range=32,
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="galreference",
            constraint=models.UniqueConstraint(
                condition=models.Q(("active", True)),
                fields=("image",),
                name="galreferences_one_active_an_image",
            ),
        ),
        migrations.AddConstraint(
            model_name="galcoverage",
            constraint=models.UniqueConstraint(
                fields=("image", "catalogue"), name="galcoverages_once_an_image"
            ),
        ),
        migrations.RunSQL(CATALOGUES_TOUCHING, "DROP FUNCTION galreferences_touching"),
        migrations.RunSQL(CONE, "DROP FUNCTION galsources_cone"),
        migrations.RunSQL(LIGHT_CURVE, "DROP FUNCTION galsources_light_curve"),
    ]
