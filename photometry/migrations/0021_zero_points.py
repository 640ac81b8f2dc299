"""A table of absolute zero points of references; empty, until they are calibrated."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0020_published_catalogues"),
        ("photometry", "0020_reference_skies"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalZeroPoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("band", models.CharField(help_text="of the published catalogue", max_length=20)),
                (
                    "colour_bands",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20),
                        default=list,
                        help_text="two, whose difference is the colour",
                        size=None,
                    ),
                ),
                (
                    "is_other_band",
                    models.BooleanField(
                        help_text="the band is only near the survey's filter, so that colour and reddening matter"
                    ),
                ),
                (
                    "system",
                    models.CharField(
                        blank=True,
                        choices=[("AB", "AB"), ("Vega", "Vega"), ("", "unknown")],
                        max_length=4,
                    ),
                ),
                (
                    "zero_point",
                    models.FloatField(
                        help_text="mag, to add to magnitudes of stars with the pivot colour",
                        null=True,
                    ),
                ),
                (
                    "error",
                    exposures.real_field.RealField(
                        help_text="mag, by the scatter of stars", null=True
                    ),
                ),
                (
                    "systematic",
                    exposures.real_field.RealField(
                        help_text="mag, scatter of parts of chips beyond that; null: unknown",
                        null=True,
                    ),
                ),
                ("pivot_colour", exposures.real_field.RealField(help_text="mag", null=True)),
                (
                    "colour_terms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=exposures.real_field.RealField(),
                        default=list,
                        help_text="mag, of powers 1, 2, ... of colour less pivot",
                        size=None,
                    ),
                ),
                (
                    "min_colour",
                    exposures.real_field.RealField(
                        help_text="mag, from which the colour terms hold", null=True
                    ),
                ),
                (
                    "max_colour",
                    exposures.real_field.RealField(
                        help_text="mag, to which the colour terms hold", null=True
                    ),
                ),
                (
                    "colour_scatter",
                    exposures.real_field.RealField(
                        help_text="mag, of stars whose colour is not known", null=True
                    ),
                ),
                (
                    "scatter",
                    exposures.real_field.RealField(
                        help_text="mag, of published magnitudes beyond all errors", null=True
                    ),
                ),
                ("n_stars", models.IntegerField(default=0, help_text="published ones used")),
                (
                    "n_common",
                    models.IntegerField(
                        default=0, help_text="used that are on other references too"
                    ),
                ),
                ("chi2_nu", exposures.real_field.RealField(null=True)),
                ("reason", models.TextField(blank=True, help_text="why it can't be told")),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "published",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="zero_points",
                        to="exposures.galpublishedcatalogue",
                    ),
                ),
                (
                    "reference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="zero_points",
                        to="photometry.galreference",
                    ),
                ),
            ],
            options={
                "db_table": "galzeropoints",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "published"), name="galzeropoints_once_a_catalogue"
                    )
                ],
            },
        ),
    ]
