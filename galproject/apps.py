"""The application that joins the others."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_save


class GalprojectConfig(AppConfig):
    name = "galproject"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from django.contrib.auth import get_user_model

        from exposures.fits import take_limits_from
        from exposures.options_in_force import options_in_force
        from galproject.queue import messages, overdue, results, schedules
        from galproject.queue.cluster import watch_workers
        from galproject.sign_on import checks as sign_on_checks  # noqa: F401  (registers them)
        from galproject.site import checks  # noqa: F401  (registers them)
        from galproject.site.groups import complete_groups
        from galproject.site.tokens import end_with_login

        for part in (messages, overdue, results, schedules):
            part.install()

        watch_workers()
        take_limits_from(lambda: options_in_force().files)
        # This application is the last, so that those of all others are migrated by then.
        post_migrate.connect(complete_groups, sender=self)
        pre_save.connect(end_with_login, sender=get_user_model())
