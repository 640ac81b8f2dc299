"""Zero points by transformations to the survey's filters, and ties between fields.

Those stored before know no digest of their band, by which they are fitted anew each once.
"""

from django.db import migrations, models

import exposures.real_field


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0028_fewer_ranges_of_cones"),
    ]

    operations = [
        migrations.AddField(
            model_name="galzeropoint",
            name="digest",
            field=models.CharField(
                blank=True, help_text="of the band and its transformation", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="galzeropoint",
            name="tie",
            field=models.FloatField(
                default=0.0,
                help_text="mag, the part of zero_point by which overlapping fields agree",
            ),
        ),
        migrations.AddField(
            model_name="galzeropoint",
            name="transformation_scatter",
            field=exposures.real_field.RealField(
                help_text="mag, of stars about the transformation; a part of systematic", null=True
            ),
        ),
        migrations.AddField(
            model_name="galzeropoint",
            name="transformed_from",
            field=models.CharField(
                blank=True,
                help_text="band of the published catalogue; empty: as published",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="galzeropoint",
            name="band",
            field=models.CharField(
                help_text="of the published catalogue, or the filter's own by transformation",
                max_length=20,
            ),
        ),
    ]
