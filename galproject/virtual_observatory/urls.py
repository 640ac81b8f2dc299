"""Addresses of the services of the Virtual Observatory."""

from django.urls import path

from galproject.virtual_observatory import views

urlpatterns = [
    path("<slug:name>/search", views.ConeSearch.as_view(), name="vo_search"),
    path("<slug:name>/capabilities", views.capabilities, name="vo_capabilities"),
    path("<slug:name>/availability", views.availability, name="vo_availability"),
    path("<slug:name>/tables", views.tables, name="vo_tables"),
]
