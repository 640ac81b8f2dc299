"""An index of each person's votes by their time."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0045_votes_on_groups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="galdecision",
            index=models.Index(
                condition=models.Q(("action", "vote")),
                fields=["user", "time"],
                include=("refsource_id", "id"),
                name="galdecisions_votes",
            ),
        ),
    ]
