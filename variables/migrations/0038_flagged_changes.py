"""An index of flagged changes, which are few among many."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0027_counts_of_images"),
        ("variables", "0037_counts_of_candidates"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galvarobj",
            index=models.Index(
                condition=models.Q(("is_flagged", True)), fields=["id"], name="galvarobjs_flagged"
            ),
        ),
    ]
