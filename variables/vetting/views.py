"""Pages of campaigns, and the lanes in which people vet."""

from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Min
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.input.numbers import INTEGER_MAX
from exposures.input.queries import integer_in
from exposures.permissions import NotInvitedError, PermissionMissingError, needs_permission
from exposures.tables import csv_pieces
from variables.models import Campaign, GalCandidate, GalDecision
from variables.vetting import campaigns, groups, leases, progress
from variables.vetting.cards import cards_of, tiles_of
from variables.vetting.contents import LARGE, contents_of
from variables.vetting.decisions import classes_of, decide, record_all, undo_decisions
from variables.vetting.forms import (
    CampaignForm,
    UnreadableError,
    batch_from,
    decisions_from,
    keys_from,
    stroke_from,
    vote_from,
)
from variables.vetting.queue_order import remaining_in
from variables.vetting.shown import SEEN_SECONDS, check_shown, stamps_for
from variables.vetting.sure_artifacts import sure_artifacts_in
from variables.vetting.voting import VOTE, voting
from variables.votes.blindness import note_shown
from variables.votes.scores import score_before

CAMPAIGN, FLAG = "variables.add_campaign", "variables.add_galflag"
CARDS_AT_ONCE, TILES_AT_ONCE, MAX_TILES = 4, 60, 120


@require_safe
def vetting(request):
    """List all campaigns, open ones first."""
    rows = list(Campaign.objects.with_members().with_progress(request.user))
    may_vote = request.user.has_perm(VOTE)
    for one in rows:
        one.may_vote_in = may_vote and one.is_open_to(request.user)
    going_on, closed = ([c for c in rows if bool(c.closed) == end] for end in (False, True))
    context = {"sections": [("In progress", going_on), ("Closed", closed)], "campaigns": rows}
    return render(request, "variables/vetting.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs_permission(CAMPAIGN)
def new_campaign(request):
    """Make a campaign from a list for several voters, split by lane if asked."""
    query = request.GET.get("list", "")
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = campaigns.create_campaigns(form.wanted(query), request.user, request)
            return redirect(made[0]) if len(made) == 1 else redirect("vetting")
        except GalprojectError as error:
            form.add_error(None, str(error))
    context = {"form": form, "query": query, "contents": contents_of(query, request)}
    return render(request, "variables/campaign_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs_permission(VOTE)
def vet_list(request):
    """Show a list's candidates by lane, and begin personal campaigns in the chosen lanes."""
    data = request.POST if request.method == "POST" else request.GET
    query, lanes = data.get("list", ""), request.POST.getlist("lane")
    contents = contents_of(query, request)
    if not contents.total:
        messages.error(request, campaigns.NOTHING)
        return redirect(f"{reverse('candidates')}?{query}")
    error = _problem(request, contents, lanes)
    if request.method == "POST" and not error:
        return _begin(request, query, lanes)
    context = {
        "query": query,
        "contents": contents,
        "large": LARGE,
        "chosen": lanes or contents.lanes,
        "error": error if request.method == "POST" else "",
    }
    status = 422 if context["error"] else 200
    return render(request, "variables/vet_list.html", context, status=status)


def _problem(request, contents, lanes):
    """The reason why the chosen lanes can't be begun, or ""."""
    if not set(lanes) & set(contents.lanes):
        return "Choose what to vet"
    if contents.is_large(lanes) and "all" not in request.POST:
        return f"These are {contents.n_in(lanes):,} candidates: confirm that you take all of them"
    return ""


def _begin(request, query, lanes):
    try:
        made = campaigns.personal_campaigns(query, request.user, request, lanes)
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('candidates')}?{query}")
    if len(made) == 1:
        return redirect("vet", pk=made[0].pk)
    messages.success(request, f"Begun: {' and '.join(f'“{one}”' for one in made)}.")
    return redirect("vetting")


@require_safe
def campaign(request, pk):
    """Show a campaign's progress; its votes stay hidden while it is open."""
    known = Campaign.objects.with_members().select_related("taxonomy", "created_by")
    shown = get_object_or_404(known, pk=pk)
    context = {
        "campaign": shown,
        "progress": progress.progress_of(shown),
        "remaining": remaining_in(shown),
        "sure": sure_artifacts_in(shown),
        "members": shown.members.order_by("username"),
        "may_vote": request.user.has_perm(VOTE) and shown.is_open_to(request.user),
        "may_run": shown.is_run_by(request.user),
    }
    if shown.closed:
        context |= {
            "agreement": progress.agreement_of(shown),
            "outcome": progress.outcome_of(shown),
        }
    return render(request, "variables/campaign.html", context)


def running(view):
    """Restrict a view to campaign managers, and to its maker until somebody has voted."""

    @require_POST
    @wraps(view)
    def wrapped(request, pk):
        campaign = get_object_or_404(Campaign, pk=pk)
        if campaign.is_run_by(request.user):
            return view(request, campaign)
        if campaign.created_by_id == request.user.pk:
            raise NotInvitedError(
                f"Somebody has voted in the campaign “{campaign}”: from then on curators run it."
            )
        raise PermissionMissingError(CAMPAIGN)

    return wrapped


@running
def close_campaign(request, campaign):
    """End the votes of a campaign; its classes are then what people agreed on."""
    try:
        campaigns.close(campaign, not request.user.has_perm(CAMPAIGN), request.user)
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Closed: the classes are what people agreed on.")
    return redirect(campaign)


@running
def reopen_campaign(request, campaign):
    """Let people vote in a closed campaign again."""
    campaigns.reopen(campaign)
    messages.success(request, "People can vote again.")
    return redirect(campaign)


@running
def rename_campaign(request, campaign):
    """Give a campaign the name that was sent."""
    try:
        campaigns.rename(campaign, request.POST.get("name", ""))
    except GalprojectError as error:
        messages.error(request, str(error))
    return redirect(campaign)


@require_POST
@needs_permission(CAMPAIGN)
def follow_up_campaign(request, pk):
    """Make a follow-up campaign of the disputed candidates."""
    try:
        made = campaigns.follow_up(get_object_or_404(Campaign, pk=pk), request.user)
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect("campaign", pk=pk)
    return redirect(made)


@require_POST
@needs_permission(FLAG)
def flag_artifacts(request, pk):
    """Flag the candidates agreed to be artifacts."""
    shown = get_object_or_404(Campaign, pk=pk)
    try:
        n = campaigns.flag_agreed(shown, request.user)
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect("campaign", pk=pk)
    left = campaigns.artifacts_agreed(shown).count()
    more = f" Left are {left:,}: flag again." if left else ""
    messages.success(request, f"{n:,} candidates flagged as artifacts.{more}")
    return redirect("campaign", pk=pk)


@require_safe
@needs_permission(CAMPAIGN)
def export_decisions(request, pk):
    """Export the decisions that the user may see as CSV: all of them once the campaign is closed.

    Decisions on candidates that are vetted again in an open campaign are left out.
    """
    shown = get_object_or_404(Campaign, pk=pk)
    rows = GalDecision.objects.filter(campaign=shown).order_by("pk")
    visible = rows.visible_to(request.user)
    rows = visible | rows.settled() if shown.closed else visible
    note_shown(request.user)
    columns = {
        **{name: name for name in ("id", "time", "refsource_id", "ra", "dec", "filter")},
        "person": "user__username",
        "action": "action",
        "class": "choice__slug",
        "period_days": "period_days",
        "comment": "comment",
        "how": "how",
        "undoes": "undoes_id",
    }
    name = f"decisions-{pk}.csv"
    return HttpResponse(
        "".join(csv_pieces(columns, [rows.values_list(*columns.values())])),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
@voting
def vet(request, campaign):
    """Show the vetting page of a campaign: cards or a contact sheet."""
    return lane_page(request, campaign, "vet")


def lane_page(request, campaign, asked):
    """The cards or the contact sheet of a campaign, of what is ``asked``: "vet" or "check"."""
    if campaign.closed:
        messages.info(request, "This campaign is closed.")
        return redirect(campaign)
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    template = "variables/vetting_sheet.html" if is_sheet else "variables/vetting_card.html"
    context = {
        "campaign": campaign,
        "classes": classes_of(campaign.taxonomy),
        "seen_ms": round(1000 * SEEN_SECONDS),
        "max_tiles": MAX_TILES,
        "asked": asked,
        "next": f"{asked}_next",
        "undo": f"{asked}_undo",
    }
    return render(request, template, context)


@require_http_methods(["GET"])  # who only looks at its head would take candidates in hand
@never_cache
@voting
def vet_next(request, campaign):
    """Lease the next cards or tiles to the user, as JSON; none if the campaign is closed.

    A contact sheet asks for ``n`` tiles, as many as fit into the window.
    """
    return next_objects(request, campaign, leases.objects_left, "rank")


def next_objects(request, campaign, left_of, place):
    """As ``vet_next``, of ``left_of(campaign, user, skipped)`` in the order of ``place``."""
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    after, skipped = integer_in(request.GET, "after", 0, INTEGER_MAX), "skipped" in request.GET
    n_tiles = min(integer_in(request.GET, "n", 0) or TILES_AT_ONCE, MAX_TILES)
    n = n_tiles if is_sheet else CARDS_AT_ONCE
    closed = bool(campaign.closed)
    left = left_of(campaign, request.user, skipped)
    later = left.filter(**{f"{place}__gt": after})
    objects = [] if closed else leases.lease(later, request.user, n)
    for one in objects:
        one.rank = getattr(one, place)
    after = objects[-1].rank if objects else after
    answer = {
        "objects": (
            tiles_of(objects, stamps_for(campaign, request.user)) if is_sheet else cards_of(objects)
        ),
        "after": after,
        "closed": closed,
    }
    if "count" in request.GET:
        answer["left"] = left.filter(**{f"{place}__gt": after}).count()
    if not objects:
        answer["skipped"] = left_of(campaign, request.user, True).count()
    return JsonResponse(answer)


@require_http_methods(["GET"])  # as of vet_next
@never_cache
@voting
def vet_group(request, campaign):
    """Lease the next large group to the user, as JSON with the tiles of its extremes."""
    after = integer_in(request.GET, "after", 0, INTEGER_MAX)
    n = min(integer_in(request.GET, "n", 0) or TILES_AT_ONCE, MAX_TILES)
    is_open = not campaign.closed and campaign.lane == Campaign.Lane.SHEET
    group = groups.lease_group(campaign, request.user, n, after) if is_open else None
    if group is None:
        return JsonResponse({"group": None, "objects": [], "after": after})
    return JsonResponse({"group": group.as_json(), "objects": group.tiles, "after": group.after})


@require_POST
@voting
def vet_decide_group(request, campaign):
    """Record one vote on all candidates of a group."""
    try:
        rows = groups.decide_group(request.user, campaign, stroke_from(request.body))
    except GalprojectError as error:
        return _refusal(error)
    leases.renew(campaign, request.user)
    return JsonResponse({"saved": len(rows)})


def _refusal(error):
    """Answer 400 to what can't be read, 409 to what can't be done; browsers set both aside."""
    status = 400 if isinstance(error, UnreadableError) else 409
    return JsonResponse({"error": str(error)}, status=status)


@require_POST
@voting
def vet_decide(request, campaign):
    """Record one decision or a batch."""
    try:
        inputs = check_shown(request.user, campaign, decisions_from(request.body))
        n_saved = record_all(request.user, inputs, campaign)
    except GalprojectError as error:
        return _refusal(error)
    leases.renew(campaign, request.user)
    answer = {"saved": n_saved}
    if len(inputs) == 1:  # of a whole sheet it would be a wall of numbers
        answer |= score_before(request.user, campaign, inputs[0].refsource_id)
    return JsonResponse(answer)


@require_POST
@voting
def vet_undo(request, campaign):
    """Undo decisions by key or batch, or the last act; ``after`` is where to lease them again."""
    return undo_in(request, campaign, "rank")


def undo_in(request, campaign, place):
    """As ``vet_undo``, where objects are in the order of ``place``."""
    try:
        keys, batch = keys_from(request.body), batch_from(request.body)
        ids = undo_decisions(request.user, campaign, keys, batch)
    except GalprojectError as error:
        return _refusal(error)
    first = campaign.objects_in.filter(refsource_id__in=ids).aggregate(first=Min(place))["first"]
    return JsonResponse({"undone": len(ids), "after": (first or 1) - 1})


@require_POST
@voting
def vet_release(request, campaign):
    """Release the user's leases, as when the page is left."""
    leases.release_leases(campaign, request.user)
    return JsonResponse({})


@require_POST
@needs_permission(VOTE)
def vote(request, refsource_id):
    """Record a vote made on a candidate's page, outside any campaign."""
    candidate = get_object_or_404(GalCandidate, pk=refsource_id)
    try:
        decide(request.user, vote_from(candidate.pk, request.POST))
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your vote is recorded.")
    query = urlencode({"list": request.GET["list"]}) if "list" in request.GET else ""
    return redirect(f"{candidate.get_absolute_url()}?{query}")
