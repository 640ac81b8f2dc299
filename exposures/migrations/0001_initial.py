"""Exposures, their chips and their log; q3c before all else."""

import socket

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.contrib.postgres.operations import CreateExtension
from django.core.management import CommandError
from django.db import migrations, models
from django.db.utils import NotSupportedError, OperationalError, ProgrammingError

import exposures.q3c


class CreateQ3C(CreateExtension):
    """CREATE EXTENSION IF NOT EXISTS q3c, or a clear word on what to do."""

    def __init__(self):
        super().__init__("q3c")

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        except (NotSupportedError, OperationalError, ProgrammingError) as error:
            database = schema_editor.connection.settings_dict["NAME"]
            raise CommandError(
                f"The extension q3c can't be made in database {database}: {error}"
                "Install it on the server (on Debian or Ubuntu postgresql-NN-q3c), then have a "
                f'superuser run: psql -d {database} -c "CREATE EXTENSION q3c"'
            ) from error

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """It stays: others may use it."""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        CreateQ3C(),
        migrations.CreateModel(
            name="GalExposure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("instrument", models.CharField(max_length=16)),
                (
                    "identifier",
                    models.CharField(help_text="EXPNUM, or the file's stem", max_length=100),
                ),
                ("filter", models.CharField(db_index=True, max_length=16)),
                ("mjd", models.FloatField(db_index=True, help_text="UTC, middle of the exposure")),
                ("exposure_seconds", models.FloatField()),
                ("object_name", models.CharField(blank=True, max_length=100)),
                ("proposal", models.CharField(blank=True, max_length=32)),
                (
                    "pipeline_version",
                    models.CharField(blank=True, help_text="PLVER", max_length=32),
                ),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                ("ingested", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "galexposures",
                "ordering": ["mjd"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("instrument", "identifier"), name="galexposures_one_row_an_exposure"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GalCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "ccdnum",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="0 for the whole exposure"
                    ),
                ),
                ("step", models.CharField(max_length=32)),
                (
                    "level",
                    models.CharField(
                        choices=[("info", "Info"), ("warning", "Warning"), ("error", "Error")],
                        default="info",
                        max_length=8,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("value", models.FloatField(null=True)),
                ("time", models.DateTimeField(auto_now_add=True)),
                ("host", models.CharField(default=socket.gethostname, max_length=64)),
                (
                    "exposure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checkpoints",
                        to="exposures.galexposure",
                    ),
                ),
            ],
            options={
                "db_table": "galcheckpoints",
                "ordering": ["id"],
                "indexes": [
                    models.Index(fields=["exposure", "ccdnum"], name="galcheckpoints_chip")
                ],
            },
        ),
        migrations.CreateModel(
            name="GalImage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ccdnum", models.PositiveSmallIntegerField()),
                ("chip_name", models.CharField(max_length=32)),
                (
                    "path",
                    models.TextField(
                        help_text="of the image file; its siblings are found beside it"
                    ),
                ),
                ("hdu", models.PositiveSmallIntegerField()),
                ("is_reference", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("working", "Working"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("error", models.TextField(blank=True, help_text="why it failed")),
                (
                    "notes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        default=list,
                        help_text="steps that fell back, and how",
                        size=None,
                    ),
                ),
                ("width", models.PositiveIntegerField(help_text="pixels", null=True)),
                ("height", models.PositiveIntegerField(help_text="pixels", null=True)),
                ("ra", models.FloatField(help_text="of the centre, ICRS degrees", null=True)),
                ("dec", models.FloatField(help_text="of the centre, ICRS degrees", null=True)),
                (
                    "radius",
                    models.FloatField(help_text="of the circle round the chip, degrees", null=True),
                ),
                (
                    "footprint",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        help_text="ra, dec of the four corners, degrees",
                        null=True,
                        size=None,
                    ),
                ),
                ("fwhm_pixels", models.FloatField(null=True)),
                ("fwhm_arcsec", models.FloatField(help_text="seeing", null=True)),
                ("sky", models.FloatField(help_text="median sky level, ADU", null=True)),
                ("sky_noise", models.FloatField(help_text="median sky sigma, ADU", null=True)),
                ("zero_point", models.FloatField(help_text="mag of 1 ADU; approximate", null=True)),
                ("zero_point_error", models.FloatField(null=True)),
                (
                    "chi2_nu",
                    models.FloatField(
                        help_text="of constant stars against the reference, before the expansion",
                        null=True,
                    ),
                ),
                (
                    "correction",
                    models.JSONField(
                        help_text="magnitude correction to the reference: Chebyshev coefficients",
                        null=True,
                    ),
                ),
                (
                    "astrometry",
                    models.JSONField(
                        help_text="correction of the header's WCS: polynomial coefficients, pixels",
                        null=True,
                    ),
                ),
                (
                    "astrometric_rms_mas",
                    models.FloatField(
                        help_text="of a reference against the catalogue, of a search image against it",
                        null=True,
                    ),
                ),
                (
                    "n_detected",
                    models.PositiveIntegerField(help_text="sources found on the image", null=True),
                ),
                (
                    "n_sources",
                    models.PositiveIntegerField(help_text="rows saved in galsources", null=True),
                ),
                (
                    "n_variables",
                    models.PositiveIntegerField(help_text="rows in galvarobjs", null=True),
                ),
                (
                    "options",
                    models.JSONField(help_text="the options that made these results", null=True),
                ),
                ("code_version", models.CharField(blank=True, max_length=64)),
                ("started", models.DateTimeField(null=True)),
                ("finished", models.DateTimeField(null=True)),
                (
                    "exposure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="images",
                        to="exposures.galexposure",
                    ),
                ),
                (
                    "reference",
                    models.ForeignKey(
                        blank=True,
                        help_text="of a search image: the reference image that overlaps it most",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="searches",
                        to="exposures.galimage",
                    ),
                ),
            ],
            options={
                "db_table": "galimages",
                "indexes": [
                    django.contrib.postgres.indexes.BTreeIndex(
                        exposures.q3c.Q3CIndexExpression("ra", "dec"), name="galimages_q3c"
                    ),
                    models.Index(fields=["status"], name="galimages_status"),
                    models.Index(fields=["radius"], name="galimages_radius"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("exposure", "ccdnum"), name="galimages_one_row_a_chip"
                    )
                ],
            },
        ),
    ]
