"""Places of candidates' changes, and which star it is that changes; empty until cutouts are drawn."""

import django.contrib.postgres.fields
from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0041_names_in_english"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalChangePosition",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "ra",
                    models.FloatField(
                        help_text="ICRS degrees; null: no place can be told", null=True
                    ),
                ),
                ("dec", models.FloatField(help_text="ICRS degrees", null=True)),
                (
                    "x",
                    models.FloatField(help_text="on the reference image, pixels from 0", null=True),
                ),
                (
                    "y",
                    models.FloatField(help_text="on the reference image, pixels from 0", null=True),
                ),
                ("x_err", exposures.real_field.RealField(help_text="pixels", null=True)),
                ("y_err", exposures.real_field.RealField(help_text="pixels", null=True)),
                (
                    "xy_correlation",
                    exposures.real_field.RealField(help_text="of both errors, -1 to 1", null=True),
                ),
                (
                    "error_arcsec",
                    exposures.real_field.RealField(
                        help_text="geometric mean of the error's two axes", null=True
                    ),
                ),
                (
                    "significance",
                    exposures.real_field.RealField(
                        help_text="of the change on all images that were fitted; sigma"
                    ),
                ),
                (
                    "image_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="images that were fitted",
                        size=None,
                    ),
                ),
                (
                    "likeliest_id",
                    models.BigIntegerField(
                        help_text="refsource_id of the star that changes most likely; null: of none",
                        null=True,
                    ),
                ),
                (
                    "likeliest_odds",
                    exposures.real_field.RealField(
                        help_text="of that; or of none of the stars listed"
                    ),
                ),
                ("own_odds", exposures.real_field.RealField(help_text="of the candidate itself")),
                (
                    "odds_of_none",
                    exposures.real_field.RealField(help_text="of none of the stars listed"),
                ),
                (
                    "is_of_another",
                    models.BooleanField(
                        help_text="another star is most likely, and nothing but a single image speaks against it"
                    ),
                ),
                (
                    "neighbours",
                    models.JSONField(
                        help_text="[refsource_id, odds, significance of the change fitted there alone] of the candidate, then of its neighbours, the likeliest first"
                    ),
                ),
                (
                    "doubts",
                    models.SmallIntegerField(
                        help_text="bits: 1: one image only, 2: masked pixels, 4: another star changes as well, 8: a star moved, 16: at the edge of the search, 32: too faint to tell"
                    ),
                ),
                ("version", models.SmallIntegerField(help_text="of the fit")),
                ("fitted", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "position of a change",
                "verbose_name_plural": "positions of changes",
                "db_table": "galchangepositions",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_of_another", True)),
                        fields=["refsource_id"],
                        name="galchangepositions_another",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("dec", None), ("ra", None)),
                            models.Q(
                                ("dec__gte", -90), ("dec__lte", 90), ("ra__gte", 0), ("ra__lt", 360)
                            ),
                            _connector="OR",
                        ),
                        name="galchangepositions_on_the_sky",
                    )
                ],
            },
        ),
    ]
