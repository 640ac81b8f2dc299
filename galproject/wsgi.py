"""The WSGI application."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import get_resolver

from galproject.site.roles import Role, set_role


def loaded_application():
    """The application with all views loaded, ready to be forked."""
    set_role(Role.PAGES)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
    gc.disable()
    application = get_wsgi_application()
    get_resolver().check()
    connections.close_all()
    gc.freeze()
    gc.enable()
    return application


application = loaded_application()
