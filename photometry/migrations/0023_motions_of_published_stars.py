"""Proper motions know of which published star they are, and matches whether theirs are stored.

Those stored before are of tiles, or measured; all matches are looked at once more.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0022_matches"),
    ]

    operations = [
        migrations.AddField(
            model_name="galmatchrun",
            name="has_motions",
            field=models.BooleanField(
                default=False, help_text="the sources have the proper motions of their stars"
            ),
        ),
        migrations.AddField(
            model_name="galmotion",
            name="star_id",
            field=models.BigIntegerField(
                default=0,
                help_text="published star that it is of; 0: it is of a tile, or measured",
            ),
        ),
    ]
