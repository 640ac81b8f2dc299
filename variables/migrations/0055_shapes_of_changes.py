"""Shapes of candidates' changes in difference pixels; empty until they are measured."""

from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0054_watches"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalChangeShape",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "sigma",
                    exposures.real_field.RealField(
                        help_text="significance of the PSF fitted at the candidate's place"
                    ),
                ),
                (
                    "correlation",
                    exposures.real_field.RealField(help_text="of the change with the PSF, 0 to 1"),
                ),
                (
                    "core_left",
                    exposures.real_field.RealField(
                        help_text="share of the squared light near its middle that a fit leaves"
                    ),
                ),
                (
                    "width",
                    exposures.real_field.RealField(
                        help_text="root of the light's mean squared distance, FWHM"
                    ),
                ),
                (
                    "sharpness",
                    exposures.real_field.RealField(
                        help_text="share of the light in the brightest pixel, over the PSF's"
                    ),
                ),
                (
                    "asymmetry",
                    exposures.real_field.RealField(
                        help_text="share of the squared light that differs if turned by 180°"
                    ),
                ),
                (
                    "shown_share",
                    exposures.real_field.RealField(
                        help_text="of the images looked at, those that show a change"
                    ),
                ),
                ("n_images", models.SmallIntegerField(help_text="that were looked at")),
                (
                    "n_changes",
                    models.IntegerField(help_text="of the candidate when it was measured"),
                ),
                ("version", models.SmallIntegerField(help_text="of the measurement")),
                ("measured", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "shape of changes",
                "verbose_name_plural": "shapes of changes",
                "db_table": "galchangeshapes",
            },
        ),
    ]
