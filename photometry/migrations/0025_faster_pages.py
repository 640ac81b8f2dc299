"""An index of the sources of which a member of a reference set is at fault."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0024_lost_motions"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galreferencemag",
            index=models.Index(
                condition=models.Q(("outlying_image_id__gt", 0)),
                fields=["refsource_id", "outlying_image_id"],
                name="galreferencemags_faults",
            ),
        ),
    ]
