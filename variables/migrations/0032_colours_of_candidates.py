"""Published colours and absolute magnitudes of candidates; empty until candidates are refreshed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0031_detrended_light_curves"),
    ]

    operations = [
        migrations.AddField(
            model_name="galcandidate",
            name="absolute_mag",
            field=models.FloatField(
                help_text="by the published parallax, without extinction; null: unknown", null=True
            ),
        ),
        migrations.AddField(
            model_name="galcandidate",
            name="colour_mag",
            field=models.FloatField(
                help_text="of the published star that it is; null: unknown", null=True
            ),
        ),
    ]
