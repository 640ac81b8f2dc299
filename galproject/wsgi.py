"""The application as a WSGI server calls it."""

import os

from django.core.wsgi import get_wsgi_application

from galproject.site.roles import Role, tell_role

tell_role(Role.PAGES)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
application = get_wsgi_application()
