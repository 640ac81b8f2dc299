"""The admin of changes, candidates, flags and decisions."""

from django.contrib import admin, messages
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html

from exposures.admin import ReadOnlyAdmin, rounded
from exposures.errors import GalprojectError
from exposures.models import GalExposure
from variables.flags.marking import accept_all, decline_all, flag_source, undo_all
from variables.models import (
    Artifact,
    Campaign,
    GalCandidate,
    GalComment,
    GalDecision,
    GalFlag,
    GalNotice,
    GalTag,
    GalVarObj,
    GalWatch,
    GalWatchNews,
    SavedSearch,
)
from variables.new_sources import admin as new_sources_admin  # noqa: F401  (registers them)
from variables.vetting import admin as vetting_admin  # noqa: F401  (registers the taxonomy)


def link(name, pk, text=None):
    """A link to one of the site's own pages."""
    return format_html('<a href="{}">{}</a>', reverse(name, args=[pk]), text or pk)


@admin.display(description="source", ordering="refsource_id")
def to_candidate(row):
    """The page of the candidate that a row is about."""
    return link("candidate", row.refsource_id)


class FlagActions:
    """Admin actions for those who may flag."""

    def has_flag_permission(self, request):
        return request.user.has_perm("variables.add_galflag")


@admin.register(GalVarObj)
class GalVarObjAdmin(ReadOnlyAdmin):
    list_display = [
        *("pk", to_candidate, "image_link", "kind", rounded("delta_mag", 2, "change (mag)")),
        *(rounded("significance", 0, "sigma"), rounded("reference_mag", 2, "reference (mag)")),
        *(rounded("ra", 5, "RA"), rounded("dec", 5, "Dec"), "failures", "is_flagged"),
    ]
    # By others the database would sort millions of rows.
    sortable_by = ["pk", to_candidate]
    list_filter = ["kind", "is_flagged", "image__exposure__filter"]
    list_select_related = ["image__exposure"]
    raw_id_fields = ["image"]
    search_fields = ["=refsource_id"]
    ordering = ["-pk"]

    @admin.display(description="image")
    def image_link(self, change):
        return link("image", change.image_id, change.image)

    @admin.display(description="failed cuts")
    def failures(self, change):
        return ", ".join(cut.label for cut in change.cuts())


class FilterOfExposures(admin.SimpleListFilter):
    """Rows in one of the filters of exposures, which are few; so many rows are not asked."""

    title = parameter_name = "filter"

    def lookups(self, request, model_admin):
        names = GalExposure.objects.order_by("filter").values_list("filter", flat=True)
        return [(name, name) for name in names.distinct()]

    def queryset(self, request, queryset):
        return queryset.filter(filter=self.value()) if self.value() else queryset


@admin.register(GalCandidate)
class GalCandidateAdmin(FlagActions, ReadOnlyAdmin):
    list_display = [
        *("pk", to_candidate, "filter", "ccdnum", "n_detections", "n_epochs"),
        *(rounded("reference_mag", 2, "mag"), rounded("max_delta_mag", 2, "largest change")),
        *(rounded("max_significance", 0, "sigma"), "cause", "is_flagged"),
    ]
    sortable_by = []  # the list of candidates sorts them
    list_filter = [FilterOfExposures, "known", "cause", "is_flagged"]
    search_fields = ["=refsource_id"]
    ordering = ["-n_detections", "refsource_id"]
    # Votes are blind here as elsewhere.
    exclude = [
        *("consensus", "n_votes", "is_disputed"),
        *("agreed_period_days", "agreed_period_err"),
    ]
    raw_id_fields = ["catalogue"]
    actions = ["flag"]

    @admin.action(description="Flag as an artifact on the reference", permissions=["flag"])
    def flag(self, request, queryset):
        for candidate in queryset:
            flag_source(candidate.pk, Artifact.REFERENCE, "flagged in the tables", request.user)
        n = len(queryset)
        messages.success(request, f"{n:,} candidate{pluralize(n)} flagged.")


@admin.register(GalFlag)
class GalFlagAdmin(FlagActions, ReadOnlyAdmin):
    list_display = ["pk", "artifact", "state", "what", "reason", "made_by", "made", "decided_by"]
    list_filter = ["state", "artifact", "made"]
    list_select_related = ["image__exposure", "made_by", "decided_by"]
    raw_id_fields = ["image"]
    search_fields = ["=refsource_id", "image__exposure__identifier", "reason"]
    ordering = ["-pk"]
    actions = ["accept", "decline", "undo"]

    @admin.display(description="on")
    def what(self, flag):
        if flag.refsource_id is not None:
            return link("candidate", flag.refsource_id, f"source {flag.refsource_id}")
        return link("image", flag.image_id, flag.image)

    @admin.action(description="Accept proposals", permissions=["flag"])
    def accept(self, request, queryset):
        self.decide(request, queryset, accept_all, "accepted")

    @admin.action(description="Decline proposals", permissions=["flag"])
    def decline(self, request, queryset):
        self.decide(request, queryset, decline_all, "declined")

    @admin.action(description="Undo flags", permissions=["flag"])
    def undo(self, request, queryset):
        self.decide(request, queryset, undo_all, "undone")

    def decide(self, request, queryset, how, done):
        try:
            flags = how(list(queryset.values_list("pk", flat=True)), request.user)
        except GalprojectError as error:
            return messages.error(request, str(error))
        return messages.success(request, f"{len(flags):,} flag{pluralize(len(flags))} {done}.")


@admin.register(GalDecision)
class GalDecisionAdmin(ReadOnlyAdmin):
    """The user's own decisions, because votes are blind."""

    list_display = ["pk", to_candidate, "action", "choice", "campaign", "how", "time"]
    sortable_by = ["pk", to_candidate]
    list_filter = ["action", "how", "time"]
    list_select_related = ["choice", "campaign"]
    raw_id_fields = ["campaign", "choice", "undoes", "user"]
    search_fields = ["=refsource_id"]
    ordering = ["-pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(user=request.user)


@admin.register(GalComment)
class GalCommentAdmin(ReadOnlyAdmin):
    """Comments as far as the user may see them; what was withdrawn is read by nobody."""

    list_display = ["pk", "what", "user", "words", "time", "changed", "withdrawn"]
    fields = ["what", "user", "answers", "words", "time", "changed", "withdrawn"]
    readonly_fields = ["what", "words"]
    sortable_by = ["pk"]
    list_select_related = ["user", "exposure", "image__exposure"]
    search_fields = ["=refsource_id", "user__username"]
    ordering = ["-pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).visible_to(request.user)

    @admin.display(description="on")
    def what(self, comment):
        return format_html('<a href="{}">{}</a>', comment.get_absolute_url(), comment.subject)

    @admin.display(description="text")
    def words(self, comment):
        return "" if comment.withdrawn else comment.text


@admin.register(GalTag)
class GalTagAdmin(ReadOnlyAdmin):
    """Tags that all share, and the user's own; the page of tags changes them."""

    list_display = ["name", "owner", "created"]
    list_select_related = ["owner"]
    search_fields = ["name"]

    def get_queryset(self, request):
        return super().get_queryset(request).seen_by(request.user)


@admin.register(GalNotice)
class GalNoticeAdmin(ReadOnlyAdmin):
    """The user's own notices, as far as they may see them; whether they were mailed."""

    list_display = ["pk", "words", "kind", "time", "read", "mail", "mailed", "tries"]
    fields = ["words", "kind", "time", "read", "mail", "mailed", "tries", "next_try"]
    readonly_fields = ["words"]
    sortable_by = ["pk"]
    list_filter = ["kind"]
    ordering = ["-pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).visible_to(request.user).with_people()


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["name", "page", "lane", "votes_wanted", "created_by", "created", "closed"]
    list_filter = ["lane", "closed"]
    list_select_related = ["created_by"]
    search_fields = ["name"]
    filter_horizontal = ["members"]
    # What was frozen stays so; it is closed on its own page, which derives what it found.
    readonly_fields = ["lane", "taxonomy", "query", "created_by", "created", "closed"]

    @admin.display(description="page")
    def page(self, campaign):
        return link("campaign", campaign.pk, "open")

    def has_add_permission(self, request):
        return False  # made from a list of candidates

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(SavedSearch)
class SavedSearchAdmin(ReadOnlyAdmin):
    """The user's own and shared searches; superusers see all."""

    list_display = ["name", "user", "is_shared", "query", "created"]
    list_filter = ["is_shared"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]

    def get_queryset(self, request):
        searches = super().get_queryset(request)
        return searches if request.user.is_superuser else searches.seen_by(request.user)


@admin.register(GalWatch)
class GalWatchAdmin(ReadOnlyAdmin):
    """The user's own watches."""

    list_display = ["search", "told", "created"]
    fields = ["search", "told", "created"]
    list_select_related = ["search"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(user=request.user)


@admin.register(GalWatchNews)
class GalWatchNewsAdmin(ReadOnlyAdmin):
    """News of the user's own watches, as far as they may see them."""

    list_display = ["pk", "watch", "refsource_id", "words", "time"]
    fields = ["watch", "refsource_id", "words", "time"]
    readonly_fields = ["words"]
    sortable_by = ["pk"]
    list_select_related = ["watch__search"]
    list_filter = ["kind"]
    ordering = ["-pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).visible_to(request.user)
