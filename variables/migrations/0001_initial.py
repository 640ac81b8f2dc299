"""Changes of sources."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("exposures", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalVarObj",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("refsource_id", models.BigIntegerField(db_index=True)),
                ("ra", models.FloatField(help_text="ICRS degrees")),
                ("dec", models.FloatField(help_text="ICRS degrees")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("brighter", "Brighter"),
                            ("fainter", "Fainter"),
                            ("vanished", "Vanished"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "delta_mag",
                    models.FloatField(
                        help_text="image minus reference; null if vanished", null=True
                    ),
                ),
                ("delta_mag_err", models.FloatField(null=True)),
                ("significance", models.FloatField(help_text="absolute change in sigma")),
                ("reference_mag", models.FloatField()),
                (
                    "flux",
                    models.FloatField(help_text="ADU; not positive where the source vanished"),
                ),
                ("flux_err", models.FloatField(help_text="ADU")),
                (
                    "failed_cuts",
                    models.SmallIntegerField(default=0, help_text="bits of Cut; 0 is believed"),
                ),
                (
                    "image",
                    models.ForeignKey(
                        db_column="galimage_id",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="variables",
                        to="exposures.galimage",
                    ),
                ),
            ],
            options={
                "db_table": "galvarobjs",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("refsource_id", "image"), name="galvarobjs_once_an_image"
                    )
                ],
            },
        ),
    ]
