"""Django's admin, on a site of the project's own."""

from django.contrib.admin.apps import AdminConfig


class TablesConfig(AdminConfig):
    """The admin, whose site is SurveyAdminSite."""

    default_site = "galproject.site.admin_site.SurveyAdminSite"
