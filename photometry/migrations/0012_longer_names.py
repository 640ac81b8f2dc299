"""Store names of filters whole, however long they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0011_epochs_of_measurements"),
    ]

    operations = [
        migrations.AlterField(
            model_name="galcoverage",
            name="filter",
            field=models.CharField(
                editable=False,
                help_text="of the image's exposure; kept by the database",
                max_length=80,
            ),
        ),
        migrations.AlterField(
            model_name="galobjectsource",
            name="filter",
            field=models.CharField(max_length=80),
        ),
        migrations.AlterField(
            model_name="galreference",
            name="filter",
            field=models.CharField(
                editable=False,
                help_text="of the image's exposure; kept by the database",
                max_length=80,
            ),
        ),
    ]
