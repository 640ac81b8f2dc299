"""The admin site, in which others' votes can't be looked up."""

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import FieldDoesNotExist
from django.db.models.constants import LOOKUP_SEP

# Of these models all is hidden, of these the fields that are named; not from where it is one's own.
HIDDEN_MODELS = {"variables.galdecision", "variables.campaignobject", "variables.galunblinding"}
HIDDEN_FIELDS = {
    "variables.galcandidate": {
        *("consensus", "n_votes", "is_disputed"),
        *("agreed_period_days", "agreed_period_err"),
    }
}


def leads_to_votes(model, lookup) -> bool:
    """Whether a look-up from ``model`` reads others' votes."""
    is_hidden = False
    for name in lookup.split(LOOKUP_SEP):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:  # of a kind of look-up, such as "gte"
            break
        is_hidden = is_hidden or name in HIDDEN_FIELDS.get(model._meta.label_lower, ())
        if not field.is_relation or field.related_model is None:
            break
        model = field.related_model
        is_hidden = is_hidden or model._meta.label_lower in HIDDEN_MODELS
    return is_hidden


class BlindTable(ModelAdmin):
    """An admin page that can't be filtered by others' votes."""

    def lookup_allowed(self, lookup, value, request):
        if leads_to_votes(self.model, lookup):
            return False
        return super().lookup_allowed(lookup, value, request)


class SurveyAdminSite(AdminSite):
    """The admin site, which makes every registered table a BlindTable."""

    site_header = site_title = "galproject"
    index_title = "Tables"
    # Lists take the width; the page of all tables is one click away.
    enable_nav_sidebar = False

    def register(self, model_or_iterable, admin_class=None, **options):
        own = admin_class or ModelAdmin
        if not issubclass(own, BlindTable):
            own = type(own.__name__, (BlindTable, own), {"__module__": own.__module__})
        super().register(model_or_iterable, own, **options)
