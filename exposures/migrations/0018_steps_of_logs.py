"""Choices of steps, which the database knows nothing of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0017_requested_by"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galcheckpoint",
            name="step",
            field=models.CharField(
                choices=[
                    ("read", "read"),
                    ("reduced", "reduced"),
                    ("stored", "stored"),
                    ("doubted", "doubted"),
                    ("failed", "failed"),
                    ("begun again", "begun again"),
                    ("interrupted", "interrupted"),
                    ("pending", "pending"),
                    ("pictures", "pictures"),
                    ("quality", "quality"),
                    ("entered", "entered"),
                    ("asked", "asked"),
                    ("closed", "closed"),
                    ("cross-matched", "cross-matched"),
                    ("reference", "reference"),
                    ("reference chosen", "reference chosen"),
                    ("reference withdrawn", "reference withdrawn"),
                    ("member added", "member added"),
                    ("member removed", "member removed"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="galimage",
            name="step",
            field=models.CharField(
                blank=True,
                choices=[
                    ("reading", "reading"),
                    ("reducing", "reducing"),
                    ("measuring", "measuring"),
                ],
                help_text="the last one that was begun",
                max_length=32,
            ),
        ),
    ]
