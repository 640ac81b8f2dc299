"""The groups of people: readers, vetters, curators and operators."""

from django.db import migrations

from galproject.groups import make_groups


def make(apps, schema_editor):
    make_groups(apps)


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
