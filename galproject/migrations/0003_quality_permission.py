"""Curators and operators may overrule what is made of an image's quality."""

from django.db import migrations

GROUPS = ("curators", "operators")
CODENAME, NAME = "overrule_quality", "Can overrule what is made of an image's quality"


def give(apps, schema_editor):
    # Permissions are else made after all migrations: too late for this one.
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="exposures", model="galimage"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=CODENAME, defaults={"name": NAME}
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0002_groups"),
        ("exposures", "0011_image_quality"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
