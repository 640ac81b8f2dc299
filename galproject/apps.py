"""The application that puts the others together."""

from django.apps import AppConfig
from django.apps import apps as installed
from django.db.models.signals import post_migrate


class GalprojectConfig(AppConfig):
    name = "galproject"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from galproject import checks  # noqa: F401  (registers them)

        # Permissions that later versions add go to the groups, too.
        post_migrate.connect(_complete_groups, sender=self)


def _complete_groups(apps=installed, **_):
    from galproject.groups import make_groups

    make_groups(apps)
