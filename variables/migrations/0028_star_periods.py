"""Periods of stars that vary; empty until they are found."""

import django.db.models.deletion
from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0019_words_of_flags"),
        ("variables", "0027_trends_and_false_alarms"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalPeriod",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "refsource_id",
                        "rank",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("refsource_id", models.BigIntegerField()),
                ("days", models.FloatField()),
                (
                    "error_days",
                    models.FloatField(help_text="days; NaN where the epochs don't tell"),
                ),
                (
                    "power",
                    photometry.models.RealField(
                        help_text="share of the variance that the Fourier series explains"
                    ),
                ),
                (
                    "false_alarm",
                    photometry.models.RealField(
                        help_text="probability that noise, or one event, looks so"
                    ),
                ),
                (
                    "n_cycles",
                    photometry.models.RealField(help_text="within the span of the epochs"),
                ),
                (
                    "amplitude_mag",
                    photometry.models.RealField(
                        help_text="half the range of the Fourier series, mean of filters"
                    ),
                ),
                (
                    "r21",
                    photometry.models.RealField(
                        help_text="amplitude of the second harmonic over that of the first"
                    ),
                ),
                (
                    "phi21",
                    photometry.models.RealField(
                        help_text="radians, of cosines in mag: second less twice the first"
                    ),
                ),
                (
                    "r31",
                    photometry.models.RealField(
                        help_text="amplitude of the third harmonic over that of the first"
                    ),
                ),
                (
                    "phi31",
                    photometry.models.RealField(
                        help_text="radians, of cosines in mag: third less three times the first"
                    ),
                ),
                ("rank", models.SmallIntegerField(help_text="1: the most probable")),
                ("n_harmonics", models.SmallIntegerField()),
                (
                    "alias",
                    models.SmallIntegerField(
                        choices=[
                            (0, "none"),
                            (1, "half"),
                            (2, "twice"),
                            (3, "a ratio of 3 to 1 or 3 to 2"),
                            (4, "an alias of the day"),
                            (5, "an alias of the lunation"),
                            (6, "an alias of the year"),
                            (7, "an alias of how the epochs lie"),
                        ],
                        help_text="what it may be of a more probable one",
                    ),
                ),
                ("alias_of", models.SmallIntegerField(help_text="the rank of that; 0: of none")),
                (
                    "n_epochs",
                    models.SmallIntegerField(help_text="good measurements in all filters"),
                ),
                ("n_filters", models.SmallIntegerField()),
            ],
            options={
                "db_table": "galperiods",
            },
        ),
        migrations.CreateModel(
            name="GalPeriodRun",
            fields=[
                (
                    "catalogue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="period_run",
                        serialize=False,
                        to="photometry.galreference",
                    ),
                ),
                ("found", models.DateTimeField(auto_now=True)),
                (
                    "digest",
                    models.CharField(
                        help_text="of stars, images, when each was processed, and the options",
                        max_length=64,
                    ),
                ),
                ("n_stars", models.PositiveIntegerField(help_text="that were searched")),
                (
                    "n_periodic",
                    models.PositiveIntegerField(help_text="of these, that have a certain period"),
                ),
            ],
            options={
                "db_table": "galperiodruns",
            },
        ),
    ]
