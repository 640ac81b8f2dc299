"""Tables of published catalogues and their stars; empty until a catalogue is loaded."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import exposures.q3c
import exposures.real_field

# Columns in order of their size, so that no byte is lost between them. No default partition:
# attaching a new one would scan it.
GALPUBLISHEDSTARS = """
CREATE TABLE galpublishedstars (
    id           bigint           NOT NULL,
    ra           double precision NOT NULL,
    dec          double precision NOT NULL,
    period       double precision,
    epoch        real,
    ra_err       real,
    dec_err      real,
    pmra         real,
    pmdec        real,
    pmra_err     real,
    pmdec_err    real,
    parallax     real,
    parallax_err real,
    mag          real,
    mag_err      real,
    amplitude    real,
    catalogue_id smallint         NOT NULL,
    name         text,
    var_class    text,
    mags         real[],
    mag_errs     real[],
    extras       jsonb,
    CONSTRAINT galpublishedstars_pkey PRIMARY KEY (id),
    CONSTRAINT galpublishedstars_on_the_sky CHECK (ra >= 0 AND ra < 360 AND dec BETWEEN -90 AND 90)
) PARTITION BY RANGE (id);
CREATE INDEX galpublishedstars_q3c ON galpublishedstars (q3c_ang2ipix(ra, dec));
COMMENT ON TABLE galpublishedstars IS
    'Stars of published catalogues; id >> 40 is the id in galpublishedcatalogues.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0019_psf_like_its_stars"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalPublishedCatalogue",
            fields=[
                ("id", models.SmallAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(help_text="such as gaia_dr3", max_length=40)),
                ("version", models.CharField(max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("astrometric", "positions, motions and magnitudes"),
                            ("variables", "variable stars"),
                            ("photometric", "magnitudes"),
                            ("objects", "objects of any kind"),
                        ],
                        max_length=11,
                    ),
                ),
                ("title", models.TextField()),
                ("source_url", models.TextField(blank=True, help_text="where it is published")),
                (
                    "epoch",
                    models.FloatField(help_text="Julian year of positions where rows have none"),
                ),
                (
                    "position_err",
                    models.FloatField(help_text="arcsec, one axis, where rows have none"),
                ),
                (
                    "bands",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20),
                        default=list,
                        help_text="of the magnitudes; the first is the main band",
                        size=None,
                    ),
                ),
                ("n_rows", models.BigIntegerField(default=0)),
                (
                    "n_left_out",
                    models.BigIntegerField(default=0, help_text="rows without a position"),
                ),
                (
                    "files",
                    models.JSONField(
                        default=list, help_text="that were read: name, bytes and rows"
                    ),
                ),
                (
                    "columns",
                    models.JSONField(default=dict, help_text="how columns of the files were read"),
                ),
                (
                    "loaded_at",
                    models.DateTimeField(help_text="null while it is being loaded", null=True),
                ),
                ("in_use", models.BooleanField(default=False)),
                (
                    "healpix_order",
                    models.SmallIntegerField(
                        help_text="of its coverage's cells; null where it has none", null=True
                    ),
                ),
                (
                    "depth",
                    exposures.real_field.RealField(
                        help_text="stated: main band, for cells whose depth is not measured",
                        null=True,
                    ),
                ),
                (
                    "footprint",
                    models.JSONField(
                        help_text="stated: all of the sky, a box or a MOC; null: the cells with rows",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "galpublishedcatalogues",
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("in_use", True)),
                        fields=("name",),
                        name="galpublishedcatalogues_one_in_use",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("in_use", False), ("loaded_at__isnull", False), _connector="OR"
                        ),
                        name="galpublishedcatalogues_whole_before_use",
                    ),
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(GALPUBLISHEDSTARS, "DROP TABLE galpublishedstars")
            ],
            state_operations=[
                migrations.CreateModel(
                    name="GalPublishedStar",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("ra", models.FloatField(help_text="ICRS degrees, at the epoch")),
                        ("dec", models.FloatField(help_text="ICRS degrees, at the epoch")),
                        ("period", models.FloatField(help_text="days", null=True)),
                        (
                            "epoch",
                            exposures.real_field.RealField(
                                help_text="Julian year of the position", null=True
                            ),
                        ),
                        (
                            "ra_err",
                            exposures.real_field.RealField(
                                help_text="mas, times cos(dec)", null=True
                            ),
                        ),
                        ("dec_err", exposures.real_field.RealField(help_text="mas", null=True)),
                        (
                            "pmra",
                            exposures.real_field.RealField(
                                help_text="mas/yr, times cos(dec)", null=True
                            ),
                        ),
                        ("pmdec", exposures.real_field.RealField(help_text="mas/yr", null=True)),
                        ("pmra_err", exposures.real_field.RealField(help_text="mas/yr", null=True)),
                        (
                            "pmdec_err",
                            exposures.real_field.RealField(help_text="mas/yr", null=True),
                        ),
                        ("parallax", exposures.real_field.RealField(help_text="mas", null=True)),
                        (
                            "parallax_err",
                            exposures.real_field.RealField(help_text="mas", null=True),
                        ),
                        ("mag", exposures.real_field.RealField(help_text="main band", null=True)),
                        ("mag_err", exposures.real_field.RealField(null=True)),
                        (
                            "amplitude",
                            exposures.real_field.RealField(
                                help_text="mag, from brightest to faintest", null=True
                            ),
                        ),
                        (
                            "catalogue_id",
                            models.SmallIntegerField(help_text="of the published catalogue"),
                        ),
                        ("name", models.TextField(null=True)),
                        ("var_class", models.TextField(null=True)),
                        (
                            "mags",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=exposures.real_field.RealField(null=True),
                                help_text="by the catalogue's bands",
                                null=True,
                                size=None,
                            ),
                        ),
                        (
                            "mag_errs",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=exposures.real_field.RealField(null=True),
                                null=True,
                                size=None,
                            ),
                        ),
                        (
                            "extras",
                            models.JSONField(
                                help_text="other columns of the row, as published", null=True
                            ),
                        ),
                    ],
                    options={
                        "db_table": "galpublishedstars",
                        "indexes": [
                            django.contrib.postgres.indexes.BTreeIndex(
                                exposures.q3c.Q3CIndexExpression("ra", "dec"),
                                name="galpublishedstars_q3c",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("dec__gte", -90),
                                    ("dec__lte", 90),
                                    ("ra__gte", 0),
                                    ("ra__lt", 360),
                                ),
                                name="galpublishedstars_on_the_sky",
                            )
                        ],
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="GalPublishedCoverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cell", models.BigIntegerField(help_text="of the catalogue's healpix_order")),
                (
                    "depth",
                    exposures.real_field.RealField(
                        help_text="magnitude of the main band at which the counts fall; null if unknown",
                        null=True,
                    ),
                ),
                ("n_rows", models.IntegerField(help_text="stars of the catalogue in it")),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="coverage",
                        to="exposures.galpublishedcatalogue",
                    ),
                ),
            ],
            options={
                "db_table": "galpublishedcoverage",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("catalogue", "cell"), name="galpublishedcoverage_once_a_cell"
                    )
                ],
            },
        ),
    ]
