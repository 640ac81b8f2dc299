"""The configuration of Django's admin with SurveyAdminSite."""

from django.contrib.admin.apps import AdminConfig


class TablesConfig(AdminConfig):
    """The admin, whose site is SurveyAdminSite."""

    default_site = "galproject.site.admin_site.SurveyAdminSite"
