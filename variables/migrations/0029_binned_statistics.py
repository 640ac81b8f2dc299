"""Statistics of all stars in bins, for the plane, and lists of stars chosen on it; both empty.

Bins hardly compress: they are kept as they are.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0019_words_of_flags"),
        ("variables", "0028_star_periods"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GalBinnedStatistic",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "statistic",
                    models.CharField(
                        help_text="a column of galvariability or galperiods, or a colour",
                        max_length=100,
                    ),
                ),
                ("n_stars", models.PositiveIntegerField(help_text="that have it")),
                (
                    "bins",
                    models.BinaryField(
                        help_text="two bytes a star, the lower first; 65535: unknown"
                    ),
                ),
                (
                    "catalogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="binned_statistics",
                        to="photometry.galreference",
                    ),
                ),
            ],
            options={
                "db_table": "galbinnedstatistics",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("catalogue", "statistic"), name="galbinnedstatistics_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StarList",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("query", models.TextField(help_text="of the plane that it was drawn on")),
                (
                    "refsource_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="star_lists",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "galstarlists",
                "ordering": ["-made"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "name"), name="galstarlists_one_a_name")
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE galbinnedstatistics ALTER COLUMN bins SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
    ]
