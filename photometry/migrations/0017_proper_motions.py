"""Tables of the proper motions of reference sources, and of what they are measured from.

Empty at first: references and search images fill them when they are processed anew.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import photometry.models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0016_columns_of_measurements"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalDisplacements",
            fields=[
                (
                    "coverage",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="displacements",
                        serialize=False,
                        to="photometry.galcoverage",
                    ),
                ),
                (
                    "refsource_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "east",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=photometry.models.RealField(), help_text="mas", size=None
                    ),
                ),
                (
                    "north",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=photometry.models.RealField(), help_text="mas", size=None
                    ),
                ),
                (
                    "error",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=photometry.models.RealField(),
                        help_text="mas, of either",
                        size=None,
                    ),
                ),
            ],
            options={
                "db_table": "galdisplacements",
            },
        ),
        migrations.CreateModel(
            name="GalMotion",
            fields=[
                ("refsource_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("pm_ra", photometry.models.RealField(help_text="mas/yr, times cos(dec)")),
                ("pm_dec", photometry.models.RealField(help_text="mas/yr")),
                ("pm_ra_err", photometry.models.RealField(help_text="mas/yr")),
                ("pm_dec_err", photometry.models.RealField(help_text="mas/yr")),
                (
                    "n_images",
                    models.SmallIntegerField(
                        help_text="on which it was measured; 0 where it is a catalogue's"
                    ),
                ),
            ],
            options={
                "db_table": "galmotions",
            },
        ),
    ]
