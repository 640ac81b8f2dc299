"""Reference catalogues, to look at; galsources is too big for the admin."""

from django.contrib import admin

from exposures.admin import ReadOnlyAdmin
from photometry.models import GalReference


@admin.register(GalReference)
class GalReferenceAdmin(ReadOnlyAdmin):
    list_display = ["id", "image", "active", "n_sources", "created", "code_version"]
    list_filter = ["active"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image"]
    ordering = ["-pk"]
