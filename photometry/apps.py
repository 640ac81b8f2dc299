from django.apps import AppConfig


class PhotometryConfig(AppConfig):
    name = "photometry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from photometry import receivers

        receivers.connect()
