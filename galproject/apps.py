from django.apps import AppConfig


class GalprojectConfig(AppConfig):
    name = "galproject"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from galproject import checks  # noqa: F401  (registers them)
