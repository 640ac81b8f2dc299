from django.apps import AppConfig


class VariablesConfig(AppConfig):
    name = "variables"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from variables import receivers

        receivers.connect()
