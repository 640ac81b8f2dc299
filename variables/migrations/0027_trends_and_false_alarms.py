"""Trends that stars share, and what follows the conditions of images; NaN until measured anew."""

from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0026_varying_candidates"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalTrend",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "catalogue_id",
                        "number",
                        "galimage_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("catalogue_id", models.BigIntegerField()),
                ("galimage_id", models.BigIntegerField()),
                ("mag", photometry.models.RealField()),
                ("number", models.SmallIntegerField(help_text="of the trend, from 1")),
            ],
            options={
                "db_table": "galtrends",
            },
        ),
        migrations.CreateModel(
            name="GalTrendStar",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("coefficient_1", photometry.models.RealField()),
                ("coefficient_2", photometry.models.RealField()),
                ("coefficient_3", photometry.models.RealField()),
                ("coefficient_4", photometry.models.RealField()),
                ("coefficient_5", photometry.models.RealField()),
            ],
            options={
                "db_table": "galtrendstars",
            },
        ),
        migrations.AddField(
            model_name="galvariability",
            name="followed_share",
            field=photometry.models.RealField(
                default=float("nan"),
                help_text="of the scatter that follows seeing, sky, airmass, place",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="galvariability",
            name="measured_chi2_nu",
            field=photometry.models.RealField(default=float("nan"), help_text="with trends"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="galvariability",
            name="measured_excess_mag",
            field=photometry.models.RealField(default=float("nan"), help_text="with trends"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="galvariability",
            name="measured_range_mag",
            field=photometry.models.RealField(default=float("nan"), help_text="with trends"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="galvariability",
            name="measured_sigma_mad",
            field=photometry.models.RealField(default=float("nan"), help_text="mag, with trends"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="galvariability",
            name="neighbour_correlation",
            field=photometry.models.RealField(
                default=float("nan"), help_text="of its light and its close neighbours'"
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="galvariability",
            name="flags",
            field=models.SmallIntegerField(
                help_text="1: of fluxes, 2: blended, 4: follows the conditions, 8: trades flux"
            ),
        ),
    ]
