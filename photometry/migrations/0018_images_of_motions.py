"""The number of images that proper motions were measured on: with more they are measured anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0017_proper_motions"),
    ]

    operations = [
        migrations.AddField(
            model_name="galreference",
            name="n_motion_images",
            field=models.PositiveIntegerField(
                default=0, help_text="on which proper motions of its sources were measured last"
            ),
        ),
    ]
