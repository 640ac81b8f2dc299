"""Have all that light curves take of a catalogue's coverages in one index.

The rows of a catalogue's coverages lie on as many pages as it has images: of a cone with light curves
in twelve catalogues with a hundred images each half the time was reading them.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0031_names_in_english"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galcoverage",
            index=models.Index(
                fields=["catalogue"],
                include=("id", "image", "mjd", "filter", "identifier"),
                name="galcoverages_epochs",
            ),
        ),
        migrations.AlterField(
            model_name="galcoverage",
            name="catalogue",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="coverages",
                to="photometry.galreference",
            ),
        ),
    ]
