"""A decision that is sent twice is saved once: the browser names it."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("variables", "0007_candidates_always_dated"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="galdecision",
            name="key",
            field=models.CharField(
                blank=True,
                help_text="of the browser's: what is sent twice is saved once",
                max_length=64,
            ),
        ),
        migrations.AddConstraint(
            model_name="galdecision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True),
                fields=("user", "key"),
                name="galdecisions_one_a_key",
            ),
        ),
    ]
