"""The application that puts the others together."""

from django.apps import AppConfig
from django.apps import apps as installed
from django.db.models.signals import post_migrate


class GalprojectConfig(AppConfig):
    name = "galproject"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from exposures.fits import take_limits_from
        from exposures.options_in_force import options_in_force
        from galproject import checks  # noqa: F401  (registers them)
        from galproject.groups import VIEWED, complete_groups
        from galproject.queue import messages, results, schedules
        from galproject.queue.cluster import watch_workers

        for part in (messages, results, schedules):
            part.install()

        watch_workers()
        take_limits_from(lambda: options_in_force().files)
        # Permissions that later versions add go to the groups, too. Django tells of applications
        # with models alone, which this one isn't; of these, one after the other.
        post_migrate.connect(complete_groups, sender=installed.get_app_config(VIEWED[-1]))
