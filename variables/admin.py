"""Changes of sources, to look at."""

from django.contrib import admin

from exposures.admin import ReadOnlyAdmin
from variables.models import GalVarObj


@admin.register(GalVarObj)
class GalVarObjAdmin(ReadOnlyAdmin):
    list_display = [
        *("refsource_id", "image", "kind", "delta_mag", "delta_mag_err", "significance"),
        *("reference_mag", "ra", "dec", "failures"),
    ]
    list_filter = ["kind", "image__exposure__filter"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image"]
    search_fields = ["=refsource_id"]
    ordering = ["-pk"]

    @admin.display(description="failed cuts")
    def failures(self, change):
        return ", ".join(cut.label for cut in change.cuts())
