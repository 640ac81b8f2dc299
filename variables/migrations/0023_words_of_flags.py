"""Say of all bits of flags what they mean; no table changes."""

from django.db import migrations, models

WORDS = (
    "bits of the mask at the source (1: bad, 2: without a value, 4: saturated, 8: bleed, "
    "16: cosmic ray, 32: low weight, 64: streak) and its own (128: too sharp for a star, 256: in "
    "the wings of a saturated star, 512: on a reference, a member of an extended source)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0022_high_proper_motion"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galnewdetection",
            name="flags",
            field=models.SmallIntegerField(help_text=WORDS),
        ),
    ]
