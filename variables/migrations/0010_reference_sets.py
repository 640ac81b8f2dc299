"""What causes and magnitudes mean where a reference has a set."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0009_successions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galcandidate",
            name="cause",
            field=models.CharField(
                choices=[
                    ("real", "no artifact is known"),
                    ("reference", "the reference is at fault: it alone differs, or all others do"),
                    ("detector", "the same place on the detector, on many exposures"),
                    ("saturated", "near a saturated star"),
                    ("bleed", "on a bleed trail or a saturated star"),
                    ("edge", "at the edge of a chip"),
                    ("crowd", "many changes on the same chip and exposure"),
                    ("shape", "not shaped like a star"),
                ],
                default="real",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="galcandidate",
            name="reference_mag",
            field=models.FloatField(help_text="by the primary, or by all images of its set"),
        ),
        migrations.AlterField(
            model_name="galvarobj",
            name="reference_mag",
            field=models.FloatField(help_text="by the primary, or by all images of its set"),
        ),
    ]
