"""The cause of candidates that left their place by a high proper motion."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0021_plain_words"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galcandidate",
            name="cause",
            field=models.CharField(
                choices=[
                    ("real", "no artifact is known"),
                    ("reference", "the reference is at fault: it alone differs, or all others do"),
                    ("missing", "on nearly every image, equally bright: the reference missed it"),
                    ("detector", "the same place on the detector, on many exposures"),
                    ("saturated", "near a saturated star"),
                    ("bleed", "on a bleed trail or a saturated star"),
                    ("edge", "at the edge of a chip"),
                    ("crowd", "many changes on the same chip and exposure"),
                    ("shape", "not shaped like a star"),
                    ("motion", "high proper motion: it left its place on the reference"),
                ],
                default="real",
                max_length=12,
            ),
        ),
    ]
