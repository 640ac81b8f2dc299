"""The admin of reference catalogues; galsources is too big for it."""

from django.contrib import admin

from exposures.admin import ReadOnlyAdmin, all_options
from photometry.models import (
    GalMatchRun,
    GalReference,
    GalReferenceMember,
    GalReferenceSet,
    GalZeroPoint,
)


@admin.register(GalReference)
class GalReferenceAdmin(ReadOnlyAdmin):
    list_display = ["id", "image", "active", "n_sources", "created", "code_version"]
    list_filter = ["active"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image", "option_set"]
    readonly_fields = [all_options]
    ordering = ["-pk"]


@admin.register(GalReferenceSet)
class GalReferenceSetAdmin(ReadOnlyAdmin):
    """Sets of references; members change on the page of references, which updates the means."""

    list_display = ["id", "image", "n_sources", "n_at_fault", "updated", "code_version"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image", "option_set"]
    readonly_fields = [all_options]
    ordering = ["-pk"]


@admin.register(GalReferenceMember)
class GalReferenceMemberAdmin(ReadOnlyAdmin):
    list_display = ["id", "reference_set", "image", "added_by", "added"]
    list_select_related = ["reference_set__image__exposure", "image__exposure"]
    raw_id_fields = ["reference_set", "image"]
    search_fields = ["image__exposure__identifier"]
    ordering = ["-pk"]


@admin.register(GalMatchRun)
class GalMatchRunAdmin(ReadOnlyAdmin):
    """What was matched, by manage.py match_catalogues; the matches are too many for these pages."""

    list_display = ["id", "reference", "published", "n_matched", "n_cant_be_told", "matched_at"]
    list_filter = ["published"]
    list_select_related = ["reference__image__exposure", "published"]
    raw_id_fields = ["reference"]
    ordering = ["-pk"]


@admin.register(GalZeroPoint)
class GalZeroPointAdmin(ReadOnlyAdmin):
    """Absolute zero points, by manage.py calibrate_references."""

    list_display = ["id", "reference", "source", "zero_point", "error", "systematic", "reason"]
    list_filter = ["published", "is_other_band"]
    list_select_related = ["reference__image__exposure", "published"]
    raw_id_fields = ["reference"]
    ordering = ["-pk"]
