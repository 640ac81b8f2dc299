"""Statistics of every star over all its epochs; empty until they are measured."""

import django.db.models.deletion
from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0018_images_of_motions"),
        ("variables", "0023_words_of_flags"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalVariability",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("mean_mag", photometry.models.RealField(help_text="weighted")),
                ("robust_mag", photometry.models.RealField(help_text="biweight")),
                (
                    "sigma_mad",
                    photometry.models.RealField(
                        help_text="mag, from the median absolute deviation"
                    ),
                ),
                ("iqr_mag", photometry.models.RealField(help_text="between the quartiles")),
                (
                    "range_mag",
                    photometry.models.RealField(help_text="from the 5th to the 95th percentile"),
                ),
                ("chi2_nu", photometry.models.RealField(help_text="against the weighted mean")),
                ("excess_mag", photometry.models.RealField(help_text="scatter beyond the errors")),
                ("excess_err", photometry.models.RealField(help_text="mag")),
                (
                    "deviation_mag",
                    photometry.models.RealField(
                        help_text="the largest in sigma, from the robust mean"
                    ),
                ),
                ("deviation_sigma", photometry.models.RealField(help_text="its significance")),
                ("skewness", photometry.models.RealField()),
                ("stetson_j", photometry.models.RealField(help_text="0 for noise")),
                ("stetson_k", photometry.models.RealField(help_text="0.798 for Gaussian noise")),
                (
                    "von_neumann",
                    photometry.models.RealField(
                        help_text="2 for noise, less where it changes smoothly"
                    ),
                ),
                ("slope_mag", photometry.models.RealField(help_text="mag a year")),
                ("slope_err", photometry.models.RealField(help_text="mag a year")),
                ("n_epochs", models.SmallIntegerField(help_text="good measurements")),
                (
                    "flags",
                    models.SmallIntegerField(
                        help_text="1: of fluxes, as it is faint on some epoch"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "gal variability",
                "db_table": "galvariability",
            },
        ),
        migrations.CreateModel(
            name="GalVariabilityRun",
            fields=[
                (
                    "catalogue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="variability_run",
                        serialize=False,
                        to="photometry.galreference",
                    ),
                ),
                ("measured", models.DateTimeField(auto_now=True)),
                (
                    "digest",
                    models.CharField(
                        help_text="of the images, when each was processed, and the options",
                        max_length=64,
                    ),
                ),
                ("n_images", models.PositiveIntegerField()),
                ("n_sources", models.PositiveIntegerField(help_text="with statistics")),
            ],
            options={
                "db_table": "galvariabilityruns",
            },
        ),
    ]
