"""Detections that the reference does not have, and the sources and candidates they make."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import exposures.q3c
import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0006_reference_positions"),
        ("photometry", "0004_objects"),
        ("variables", "0010_reference_sets"),
    ]

    operations = [
        migrations.AddField(
            model_name="galcandidate",
            name="kind",
            field=models.CharField(
                choices=[
                    ("changed", "a source of the reference that changed"),
                    ("new", "not on the reference"),
                ],
                default="changed",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="cause",
            field=models.CharField(
                choices=[
                    ("real", "no artifact is known"),
                    ("reference", "the reference is at fault: it alone differs, or all others do"),
                    ("missing", "on nearly every image, equally bright: the reference missed it"),
                    ("detector", "the same place on the detector, on many exposures"),
                    ("saturated", "near a saturated star"),
                    ("bleed", "on a bleed trail or a saturated star"),
                    ("edge", "at the edge of a chip"),
                    ("crowd", "many changes on the same chip and exposure"),
                    ("shape", "not shaped like a star"),
                ],
                default="real",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="n_epochs",
            field=models.PositiveIntegerField(
                help_text="measurements, the reference's included; if new: images that show the place"
            ),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="reference_mag",
            field=models.FloatField(
                help_text="by the primary, or by all images of its set; null: on none", null=True
            ),
        ),
        migrations.AlterField(
            model_name="galvarobj",
            name="delta_mag",
            field=models.FloatField(
                help_text="image minus reference; null if vanished, new", null=True
            ),
        ),
        migrations.AlterField(
            model_name="galvarobj",
            name="kind",
            field=models.CharField(
                choices=[
                    ("brighter", "Brighter"),
                    ("fainter", "Fainter"),
                    ("vanished", "Vanished"),
                    ("new", "New"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="galvarobj",
            name="reference_mag",
            field=models.FloatField(
                help_text="by the primary, or by all images of its set; null: on none", null=True
            ),
        ),
        migrations.CreateModel(
            name="GalNewSource",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                ("x", models.FloatField(help_text="on the reference image, pixels from 0")),
                ("y", models.FloatField(help_text="on the reference image, pixels from 0")),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="new_sources",
                        to="photometry.galreference",
                    ),
                ),
            ],
            options={
                "db_table": "galnewsources",
            },
        ),
        migrations.CreateModel(
            name="GalNewDetection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                (
                    "reference_x",
                    models.FloatField(help_text="on the reference image, pixels from 0"),
                ),
                (
                    "reference_y",
                    models.FloatField(help_text="on the reference image, pixels from 0"),
                ),
                ("x", photometry.models.RealField(help_text="on this image, pixels from 0")),
                ("y", photometry.models.RealField(help_text="on this image, pixels from 0")),
                ("flux", photometry.models.RealField(help_text="ADU")),
                ("flux_err", photometry.models.RealField(help_text="ADU, neighbours included")),
                ("mag", photometry.models.RealField(help_text="corrected to the reference")),
                (
                    "mag_err",
                    photometry.models.RealField(
                        help_text="with the floor, expanded as those of the image's sources"
                    ),
                ),
                (
                    "significance",
                    photometry.models.RealField(help_text="sigma, the error of the model included"),
                ),
                (
                    "rchi2",
                    photometry.models.RealField(
                        help_text="PSF-weighted reduced chi2, the PSF's error allowed for"
                    ),
                ),
                (
                    "fracflux",
                    photometry.models.RealField(
                        help_text="of the flux there that is the star's own"
                    ),
                ),
                (
                    "quality",
                    photometry.models.RealField(help_text="fraction of the PSF on usable pixels"),
                ),
                (
                    "flags",
                    models.SmallIntegerField(help_text="mask bits at the source; 128: too sharp"),
                ),
                (
                    "failed_cuts",
                    models.SmallIntegerField(default=0, help_text="bits of Cut; 0 is believed"),
                ),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="new_detections",
                        to="photometry.galreference",
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        db_column="galimage_id",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="new_detections",
                        to="exposures.galimage",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_column="refsource_id",
                        help_text="null: not seen again in its place",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="detections",
                        to="variables.galnewsource",
                    ),
                ),
            ],
            options={
                "db_table": "galnewdetections",
            },
        ),
        migrations.AddIndex(
            model_name="galnewsource",
            index=django.contrib.postgres.indexes.BTreeIndex(
                exposures.q3c.Q3CIndexExpression("ra", "dec"), name="galnewsources_q3c"
            ),
        ),
        migrations.AddIndex(
            model_name="galnewdetection",
            index=django.contrib.postgres.indexes.BTreeIndex(
                exposures.q3c.Q3CIndexExpression("ra", "dec"), name="galnewdetections_q3c"
            ),
        ),
    ]
