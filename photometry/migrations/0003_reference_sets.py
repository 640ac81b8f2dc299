"""Sets of reference images, the means over them, and non-detections kept."""

import django.db.models.deletion
from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0005_collaborators"),
        ("photometry", "0002_touching_references"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalNonDetection",
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
                ("galimage_id", models.BigIntegerField(db_index=True)),
                ("ra", models.FloatField()),
                ("dec", models.FloatField()),
                ("x", photometry.models.RealField()),
                ("y", photometry.models.RealField()),
                ("flux", photometry.models.RealField()),
                ("flux_err", photometry.models.RealField()),
                ("mag", photometry.models.RealField()),
                ("mag_err", photometry.models.RealField()),
                ("rchi2", photometry.models.RealField()),
                ("fracflux", photometry.models.RealField()),
                ("quality", photometry.models.RealField()),
                ("flags", models.SmallIntegerField()),
                ("is_reference", models.BooleanField()),
            ],
            options={
                "db_table": "galnondetections",
            },
        ),
        migrations.CreateModel(
            name="GalReferenceMag",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "outlying_image_id",
                    models.BigIntegerField(help_text="the image at fault; 0: none"),
                ),
                ("mag", photometry.models.RealField(help_text="robust mean over the set")),
                ("mag_err", photometry.models.RealField()),
                (
                    "scatter",
                    photometry.models.RealField(
                        help_text="of the images about the mean, mag; NaN without light"
                    ),
                ),
                (
                    "n_images",
                    models.SmallIntegerField(help_text="of the set that measured it well"),
                ),
                ("n_used", models.SmallIntegerField(help_text="of these, that make the mean")),
                (
                    "flags",
                    models.SmallIntegerField(
                        help_text="1: the primary is at fault, 2: it has no good measurement, 4: the images don't agree, 8: a member is at fault"
                    ),
                ),
            ],
            options={
                "db_table": "galreferencemags",
            },
        ),
        migrations.AddField(
            model_name="galcoverage",
            name="n_non_detections",
            field=models.PositiveIntegerField(
                help_text="rows in galnondetections; null where they were not kept", null=True
            ),
        ),
        migrations.CreateModel(
            name="GalReferenceSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("options", models.JSONField(default=dict, help_text="that made the means")),
                ("code_version", models.CharField(blank=True, max_length=64)),
                (
                    "updated",
                    models.DateTimeField(help_text="when the means changed last", null=True),
                ),
                (
                    "n_sources",
                    models.PositiveIntegerField(
                        default=0, help_text="with a mean of several images"
                    ),
                ),
                (
                    "n_at_fault",
                    models.PositiveIntegerField(
                        default=0, help_text="of these, those that the primary has wrong"
                    ),
                ),
                (
                    "image",
                    models.OneToOneField(
                        help_text="the primary: it defines the photometric system",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reference_set",
                        to="exposures.galimage",
                    ),
                ),
            ],
            options={
                "db_table": "galreferencesets",
            },
        ),
        migrations.CreateModel(
            name="GalReferenceMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("added", models.DateTimeField(auto_now_add=True)),
                ("added_by", models.CharField(blank=True, max_length=150)),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="exposures.galimage",
                    ),
                ),
                (
                    "reference_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="photometry.galreferenceset",
                    ),
                ),
            ],
            options={
                "db_table": "galreferencemembers",
                "ordering": ["image__exposure__mjd", "image_id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference_set", "image"), name="galreferencemembers_once_a_set"
                    )
                ],
            },
        ),
    ]
