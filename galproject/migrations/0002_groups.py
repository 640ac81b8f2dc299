"""The groups of people: readers, vetters, curators and operators.

What each may do is given to them after all migrations, as the permissions are made then.
"""

from django.db import migrations

NAMES = ("readers", "vetters", "curators", "operators")


def make(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name in NAMES:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0001_schedules"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("exposures", "0005_collaborators"),
        ("photometry", "0001_initial"),
        ("variables", "0007_candidates_always_dated"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
