from django.apps import AppConfig


class ExposuresConfig(AppConfig):
    name = "exposures"
    default_auto_field = "django.db.models.BigAutoField"
