"""The admin of stars that references missed, and that were added to them."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F

from exposures.admin import ReadOnlyAdmin, rounded
from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer
from exposures.models import GalImage
from exposures.source_ids import MAX_SOURCES
from variables.models import GalNewSource


def with_exposures(sources: list[GalNewSource]) -> list[GalNewSource]:
    """Sources with the ``identifiers`` of the exposures that they were added by, all at once."""
    ids = {pk for source in sources for pk in source.added_images}
    images = GalImage.objects.filter(pk__in=ids).order_by("exposure__mjd", "pk")
    identifiers = dict(images.values_list("pk", "exposure__identifier"))
    for source in sources:
        own = set(source.added_images)
        source.identifiers = [name for pk, name in identifiers.items() if pk in own]
    return sources


class SourcesOfPage(ChangeList):
    """A page of the list, with exposures of what is on it alone."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = with_exposures(list(self.result_list))


@admin.register(GalNewSource)
class GalNewSourceAdmin(ReadOnlyAdmin):
    """Sources that were added to references, and those that people took back; the last first."""

    list_display = [
        *("catalogue_id", "pk", rounded("ra", 6, "RA"), rounded("dec", 6, "Dec"), "added"),
        *("added_by", "exposures", "is_taken_back"),
    ]
    sortable_by = []
    list_filter = ["is_kept_out", "added"]
    fields = ["catalogue", "refsource_id", "ra", "dec", "x", "y", "state", "excess", "added"]
    fields += ["added_by", "exposures", "is_taken_back"]
    readonly_fields = ["exposures", "is_taken_back"]
    search_fields = ["catalogue"]
    search_help_text = "the number of a catalogue, or the id of a source"
    # By the index galnewsources_added.
    ordering = [F("added").desc(nulls_last=True), "-pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).added_or_taken_back()

    def get_changelist(self, request, **kwargs):
        return SourcesOfPage

    def get_object(self, *args, **kwargs):
        source = super().get_object(*args, **kwargs)
        return source and with_exposures([source])[0]

    def get_search_results(self, request, queryset, search_term):
        """Those of a catalogue, or one; ids of sources begin above all numbers of catalogues."""
        if not search_term:
            return queryset, False
        try:
            number = parse_integer(search_term.strip(), 0, BIGINT_MAX)
        except NumberError:
            return queryset.none(), False
        name = "catalogue" if number < MAX_SOURCES else "pk"
        return queryset.filter(**{name: number}), False

    @admin.display(description="by detections on")
    def exposures(self, source):
        return ", ".join(source.identifiers)

    @admin.display(description="taken back", boolean=True)
    def is_taken_back(self, source):
        return source.is_kept_out
