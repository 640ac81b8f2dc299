"""Store names of filters whole, however long they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0013_stars_of_candidates"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galcandidate",
            name="filter",
            field=models.CharField(max_length=80),
        ),
        migrations.AlterField(
            model_name="galdecision",
            name="filter",
            field=models.CharField(max_length=80),
        ),
        migrations.AlterField(
            model_name="gallostsource",
            name="filter",
            field=models.CharField(max_length=80),
        ),
    ]
