from django.apps import AppConfig
from django.db.models.signals import pre_delete


class VariablesConfig(AppConfig):
    name = "variables"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        pre_delete.connect(forget_catalogue, sender="photometry.GalReference")


def forget_catalogue(instance, **_):
    """Remove the changes of a catalogue's sources with the catalogue."""
    from variables.models import GalVarObj

    GalVarObj.objects.in_catalogue(instance.pk).delete()
