"""An index of accepted candidates by catalogue."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("photometry", "0025_faster_pages"),
        ("variables", "0034_published_diagrams"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(
                condition=models.Q(
                    models.Q(("n_detections__gt", 0), ("varies", True), _connector="OR"),
                    ("is_flagged", False),
                ),
                fields=["catalogue", "refsource_id"],
                name="galcandidates_accepted",
            ),
        ),
    ]
