"""Django's admin, on a site of the project's own."""

from django.contrib.admin.apps import AdminConfig


class TablesConfig(AdminConfig):
    default_site = "galproject.site.admin_site.SurveyAdminSite"
