"""Summaries of runs of artificial stars."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0015_sign_on"),
    ]

    operations = [
        migrations.CreateModel(
            name="InjectionSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("code_version", models.CharField(blank=True, max_length=64)),
                (
                    "reference",
                    models.CharField(help_text="the exposure's identifier", max_length=100),
                ),
                ("filter", models.CharField(max_length=80)),
                (
                    "n_searches",
                    models.PositiveIntegerField(help_text="exposures searched for changes"),
                ),
                ("seed", models.BigIntegerField(help_text="of the first round")),
                ("n_rounds", models.PositiveIntegerField(help_text="each with other stars")),
                (
                    "n_stars",
                    models.PositiveIntegerField(help_text="put into references, in all rounds"),
                ),
                (
                    "n_measurements",
                    models.PositiveIntegerField(help_text="of these on search images"),
                ),
                (
                    "half_complete_mag",
                    models.FloatField(
                        help_text="half of the stars are found on references; null: never",
                        null=True,
                    ),
                ),
                (
                    "rows",
                    models.JSONField(
                        help_text="shares by magnitude, crowding, amplitude and significance"
                    ),
                ),
            ],
            options={
                "verbose_name": "summary of artificial stars",
                "verbose_name_plural": "summaries of artificial stars",
                "db_table": "galinjections",
                "ordering": ["-pk"],
                "default_permissions": (),
            },
        ),
    ]
