from django.apps import AppConfig


class GalprojectConfig(AppConfig):
    name = "galproject"
    default_auto_field = "django.db.models.BigAutoField"
