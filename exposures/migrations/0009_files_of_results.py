"""Keep with each result the files that it was made of, to tell a new version from a moved file."""

from django.db import migrations, models

# Of what is there already the path is all that is known.
PATHS = """
UPDATE galimages SET files = jsonb_build_object('image', jsonb_build_object('path', path))
WHERE options IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exposures", "0008_longer_names"),
    ]

    operations = [
        migrations.AddField(
            "galimage",
            "files",
            models.JSONField(
                blank=True,
                default=dict,
                help_text="of which these results were made, with their digests",
            ),
        ),
        migrations.AddField(
            "galimage",
            "data_version",
            models.TextField(
                blank=True,
                default="",
                help_text="of these files: PLVER, and the archive's in their names",
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(PATHS, migrations.RunSQL.noop),
    ]
