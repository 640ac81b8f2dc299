"""Changes of sources, to look at."""

from django.contrib import admin

from exposures.admin import ReadOnlyAdmin, rounded
from variables.models import GalVarObj
from variables.vetting import admin as vetting_admin  # noqa: F401  (registers the taxonomy)


@admin.register(GalVarObj)
class GalVarObjAdmin(ReadOnlyAdmin):
    list_display = [
        *("refsource_id", "image", "kind", rounded("delta_mag", 2, "change (mag)")),
        *(rounded("significance", 0, "sigma"), rounded("reference_mag", 2, "reference (mag)")),
        *(rounded("ra", 5, "RA"), rounded("dec", 5, "Dec"), "failures"),
    ]
    list_filter = ["kind", "image__exposure__filter"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image"]
    search_fields = ["=refsource_id"]
    ordering = ["-pk"]

    @admin.display(description="failed cuts")
    def failures(self, change):
        return ", ".join(cut.label for cut in change.cuts())
