from django.apps import AppConfig
from django.urls import register_converter

from exposures.input.converters import IdConverter


class ExposuresConfig(AppConfig):
    name = "exposures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        register_converter(IdConverter, "id")
