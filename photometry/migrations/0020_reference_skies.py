"""A table of what references have beside their sources.

Empty at first: references fill it when they are processed anew.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0019_words_of_flags"),
    ]

    operations = [
        migrations.CreateModel(
            name="GalReferenceSky",
            fields=[
                (
                    "catalogue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="sky",
                        serialize=False,
                        to="photometry.galreference",
                    ),
                ),
                (
                    "structure",
                    models.FloatField(
                        help_text="scatter over that of noise; null where no pixels tell", null=True
                    ),
                ),
                (
                    "pixels",
                    models.BinaryField(
                        help_text="packed by photometry.storage; null where it is hardly more "
                        "than noise",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "galreferenceskies",
            },
        ),
        # They are compressed already.
        migrations.RunSQL(
            "ALTER TABLE galreferenceskies ALTER COLUMN pixels SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
    ]
