"""Diagrams of published colours, kept with the matches that they are of; empty until these change."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0020_published_catalogues"),
        ("photometry", "0022_matches"),
        ("variables", "0033_known_variables"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalPublishedDiagram",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "densities",
                    models.JSONField(
                        help_text="counts of stars in cells, of each kind of magnitude"
                    ),
                ),
                (
                    "catalogue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="published_diagram",
                        to="photometry.galreference",
                    ),
                ),
                (
                    "published",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="diagrams",
                        to="exposures.galpublishedcatalogue",
                    ),
                ),
            ],
            options={
                "db_table": "galpublisheddiagrams",
            },
        ),
    ]
