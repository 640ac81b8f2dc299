"""Tables of matches with published stars; empty until ``match_catalogues`` fills them."""

import django.db.models.deletion
from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0020_published_catalogues"),
        ("photometry", "0021_zero_points"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalMatch",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "refsource_id",
                        "catalogue_id",
                        "rank",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("refsource_id", models.BigIntegerField()),
                (
                    "star_id",
                    models.BigIntegerField(help_text="published star; null: none", null=True),
                ),
                (
                    "separation",
                    exposures.real_field.RealField(
                        help_text="arcsec, at the image's epoch", null=True
                    ),
                ),
                (
                    "probability",
                    exposures.real_field.RealField(
                        help_text="that the source is this star, or that the star is a part of it",
                        null=True,
                    ),
                ),
                (
                    "n_possible",
                    models.IntegerField(
                        help_text="stars that the source may be, or sources that its star may be, if more"
                    ),
                ),
                ("catalogue_id", models.SmallIntegerField(help_text="of the published catalogue")),
                ("rank", models.SmallIntegerField(help_text="1: best, 2: next best")),
                (
                    "state",
                    models.SmallIntegerField(
                        choices=[
                            (1, "matched"),
                            (2, "can't be told"),
                            (3, "no counterpart"),
                            (4, "not covered"),
                        ],
                        help_text="of the source",
                    ),
                ),
            ],
            options={
                "db_table": "galmatches",
                "indexes": [
                    models.Index(
                        condition=models.Q(("star_id__isnull", False)),
                        fields=["star_id"],
                        name="galmatches_star",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GalMatchRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "digest",
                    models.CharField(help_text="of the options and the code", max_length=64),
                ),
                ("matched_at", models.DateTimeField(auto_now=True)),
                ("n_stars", models.IntegerField(help_text="published ones on the image")),
                ("n_matched", models.IntegerField(help_text="sources")),
                ("n_cant_be_told", models.IntegerField(help_text="sources")),
                ("n_no_counterpart", models.IntegerField(help_text="sources")),
                ("n_not_covered", models.IntegerField(help_text="sources")),
                (
                    "east",
                    exposures.real_field.RealField(
                        help_text="arcsec, of our frame from theirs in the middle of the image"
                    ),
                ),
                (
                    "north",
                    exposures.real_field.RealField(
                        help_text="arcsec, of our frame from theirs in the middle of the image"
                    ),
                ),
                (
                    "position_scale",
                    exposures.real_field.RealField(
                        help_text="errors of positions as found, over those stated"
                    ),
                ),
                (
                    "mag_offset",
                    exposures.real_field.RealField(
                        help_text="mag, of ours from theirs in the main band"
                    ),
                ),
                (
                    "mag_scatter",
                    exposures.real_field.RealField(help_text="mag, of that beyond the errors"),
                ),
                (
                    "published",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="match_runs",
                        to="exposures.galpublishedcatalogue",
                    ),
                ),
                (
                    "reference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="match_runs",
                        to="photometry.galreference",
                    ),
                ),
            ],
            options={
                "db_table": "galmatchruns",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "published"), name="galmatchruns_once_a_pair"
                    )
                ],
            },
        ),
    ]
