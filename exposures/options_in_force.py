"""Access to the options for code on floors below their configuration."""

from django.conf import settings
from django.utils.module_loading import import_string


def options_in_force():
    """All current options of the pipeline, from the file and the environment.

    ``settings.PIPELINE_OPTIONS`` names the function that reads them. What is derived from stored
    rows goes by these; what is made of pixels goes by the options that it is asked for with, which
    are stored with it. Raises GalprojectError that lists everything wrong in file and environment.
    """
    return import_string(settings.PIPELINE_OPTIONS)()
