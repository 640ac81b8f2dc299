"""The admin of exposures, chips and their log."""

import json

from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from exposures.doubts import Doubt, GalQualityDecision
from exposures.image_results import RESULTS
from exposures.models import (
    GalCheckpoint,
    GalExposure,
    GalField,
    GalImage,
    GalJob,
    GalOptionSet,
    GalPublishedCatalogue,
)

MAX_COUNT = 10_000


class BoundedPaginator(Paginator):
    """A paginator that counts at most MAX_COUNT rows, since more would scan a big table."""

    @cached_property
    def count(self):
        return self.object_list.order_by()[:MAX_COUNT].count()


class ReadOnlyAdmin(admin.ModelAdmin):
    """An admin page of rows that only the pipeline writes."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.display(description="options")
def all_options(row):
    """The options that a row was made with, or is to be."""
    return "" if row.options is None else json.dumps(row.options, indent=1, ensure_ascii=False)


def rounded(name, digits, heading):
    """A sortable list column of a number, rounded to its significant decimals."""

    @admin.display(description=heading, ordering=name)
    def column(row):
        value = getattr(row, name)
        return None if value is None else f"{value:.{digits}f}"

    return column


@admin.register(GalField)
class GalFieldAdmin(admin.ModelAdmin):
    list_display = ["name", "ra", "dec", "radius", "filters", "proposal", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "proposal"]


@admin.register(GalExposure)
class GalExposureAdmin(ReadOnlyAdmin):
    list_display = [
        *("identifier", "instrument", "filter", rounded("mjd", 5, "MJD")),
        *(rounded("exposure_seconds", 1, "seconds"), "object_name"),
    ]
    list_filter = ["instrument", "filter"]
    search_fields = ["identifier", "object_name", "proposal"]
    ordering = ["-mjd"]


class DoubtFilter(admin.SimpleListFilter):
    """Images by one of the reasons to doubt them."""

    title = "reason to doubt it"
    parameter_name = "doubt"

    def lookups(self, request, model_admin):
        return Doubt.choices

    def queryset(self, request, queryset):
        return queryset.filter(doubts__contains=[self.value()]) if self.value() else queryset


@admin.register(GalQualityDecision)
class GalQualityDecisionAdmin(ReadOnlyAdmin):
    """Made on the page of an image."""

    list_display = ["time", "image", "verdict", "user", "reason"]
    list_filter = ["verdict", "time"]
    list_select_related = ["image__exposure", "user"]
    raw_id_fields = ["image", "user"]
    search_fields = ["image__exposure__identifier", "reason"]
    ordering = ["-pk"]


@admin.register(GalImage)
class GalImageAdmin(ReadOnlyAdmin):
    list_display = [
        *("exposure", "chip_name", "is_reference", "status", "reasons"),
        *("n_sources", "n_variables", rounded("fwhm_arcsec", 2, 'seeing (")')),
        *(rounded("zero_point", 3, "zero point"), rounded("chi2_nu", 2, "chi2/nu"), "finished"),
    ]
    list_filter = [
        *("status", "is_doubted", DoubtFilter, "zero_point_source", "is_reference"),
        *("exposure__filter", "exposure__instrument"),
    ]
    list_select_related = ["exposure"]
    raw_id_fields = ["exposure", "reference", "job", "option_set"]
    readonly_fields = [all_options]
    search_fields = ["exposure__identifier", "chip_name"]
    ordering = ["-pk"]

    def get_fields(self, request, obj=None):
        """The fields of its page: what a chip is comes before its results."""
        return sorted(super().get_fields(request, obj), key=RESULTS.__contains__)

    @admin.display(description="reasons to doubt it")
    def reasons(self, image):
        return ", ".join(image.doubt_labels)


@admin.register(GalJob)
class GalJobAdmin(ReadOnlyAdmin):
    list_display = ["id", "exposure", "created", "closed", "requested_by", "queued", "again"]
    list_filter = ["queued", "again", "created"]
    list_select_related = ["exposure"]
    raw_id_fields = ["exposure", "option_set"]
    readonly_fields = [all_options]
    search_fields = ["exposure__identifier", "requested_by"]
    ordering = ["-pk"]


@admin.register(GalOptionSet)
class GalOptionSetAdmin(ReadOnlyAdmin):
    list_display = ["hash", "created", "unused_since"]
    ordering = ["-created"]


@admin.register(GalCheckpoint)
class GalCheckpointAdmin(ReadOnlyAdmin):
    list_display = ["time", "exposure", "ccdnum", "step", "level", "value", "note", "host"]
    sortable_by = []  # the database would sort millions of lines
    list_filter = ["level", "step"]
    list_select_related = ["exposure"]
    raw_id_fields = ["exposure"]
    search_fields = ["exposure__identifier"]
    ordering = ["-pk"]


@admin.register(GalPublishedCatalogue)
class GalPublishedCatalogueAdmin(ReadOnlyAdmin):
    """Loaded by manage.py load_catalogue; the stars are too many for these pages."""

    list_display = ["name", "version", "kind", "n_rows", "n_left_out", "in_use", "loaded_at"]
    list_filter = ["in_use", "kind"]
    search_fields = ["name", "title"]
    # Thousands of files, and of ranges of a MOC.
    exclude = ["files", "columns", "footprint"]
    ordering = ["name", "-pk"]
