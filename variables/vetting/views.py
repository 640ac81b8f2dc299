"""Pages of campaigns, and the lanes in which people vet."""

import csv
from functools import wraps
from io import StringIO
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from exposures.errors import GalprojectError
from variables.flags.marking import flag_source
from variables.models import Artifact, Campaign, GalCandidate, GalDecision
from variables.vetting import campaigns, leases
from variables.vetting.cards import cards_of, tiles_of
from variables.vetting.decisions import Said, classes_of, decide, decide_all, undo
from variables.vetting.forms import CampaignForm, decisions_from

VOTE, CAMPAIGN, FLAG = (
    "variables.add_galdecision",
    "variables.add_campaign",
    "variables.add_galflag",
)
CARDS_AT_ONCE, TILES_AT_ONCE = 4, 60


def voting(view):
    """For those who may vote, and in their campaigns alone."""

    @wraps(view)
    @permission_required(VOTE, raise_exception=True)
    def wrapped(request, pk):
        campaign = get_object_or_404(Campaign.objects.select_related("taxonomy"), pk=pk)
        if not campaign.is_open_to(request.user):
            raise PermissionDenied
        return view(request, campaign)

    return wrapped


@require_GET
def vetting(request):
    """All campaigns, those that go on first."""
    rows = list(Campaign.objects.with_progress(request.user).prefetch_related("members"))
    may_vote = request.user.has_perm(VOTE)
    for one in rows:
        one.is_mine = may_vote and one.is_open_to(request.user)
    going_on, closed = ([c for c in rows if bool(c.closed) == end] for end in (False, True))
    sections = [("Going on", going_on), ("Closed", closed)]
    context = {"going_on": going_on, "closed": closed, "sections": sections}
    return render(request, "variables/vetting.html", context)


def new_campaign(request):
    """A campaign of a list: for oneself where one votes, for others where one may make them."""
    may_make = request.user.has_perm(CAMPAIGN)
    if not (may_make or request.user.has_perm(VOTE)):
        raise PermissionDenied
    query = request.GET.get("list", "")
    suggested = f"{request.user.get_username()}, {timezone.now():%Y-%m-%d %H:%M:%S}"
    form = CampaignForm(request.POST or None, initial={"name": suggested})
    if not may_make:
        for name in ("votes_wanted", "n_gold", "members"):
            form.fields[name].disabled = True
    if request.method == "POST" and form.is_valid():
        wanted = form.wanted(query)
        if not may_make:
            wanted = campaigns.NewCampaign(wanted.name, query, wanted.lane, members=(request.user,))
        try:
            made = campaigns.create_campaign(wanted, request.user, request)
        except GalprojectError as error:
            form.add_error(None, str(error))
        else:
            return redirect("vet" if not may_make else "campaign", pk=made.pk)
    context = {"form": form, "query": query, "may_make": may_make}
    return render(request, "variables/campaign_form.html", context)


@require_GET
def campaign(request, pk):
    """How a campaign fares."""
    shown = get_object_or_404(Campaign.objects.select_related("taxonomy", "created_by"), pk=pk)
    may_see_others = shown.closed or request.user.has_perm(CAMPAIGN)
    context = {
        "campaign": shown,
        "progress": campaigns.progress_of(shown),
        "agreement": campaigns.agreement_of(shown) if may_see_others else None,
        "n_disputed": campaigns.disputed(shown).count() if may_see_others else None,
        "n_artifacts": campaigns.artifacts_agreed(shown).count() if may_see_others else None,
        "may_vote": request.user.has_perm(VOTE) and shown.is_open_to(request.user),
    }
    return render(request, "variables/campaign.html", context)


@require_POST
@permission_required(CAMPAIGN, raise_exception=True)
def close_campaign(request, pk):
    campaigns.close(get_object_or_404(Campaign, pk=pk))
    messages.success(request, "Closed: the classes are what people agreed on.")
    return redirect("campaign", pk=pk)


@require_POST
@permission_required(CAMPAIGN, raise_exception=True)
def reopen_campaign(request, pk):
    campaigns.reopen(get_object_or_404(Campaign, pk=pk))
    messages.success(request, "People can vote again.")
    return redirect("campaign", pk=pk)


@require_POST
@permission_required(CAMPAIGN, raise_exception=True)
def follow_up_campaign(request, pk):
    """A lane of its own for what people disagree on."""
    try:
        made = campaigns.follow_up(get_object_or_404(Campaign, pk=pk), request.user)
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect("campaign", pk=pk)
    return redirect(made)


@require_POST
@permission_required(FLAG, raise_exception=True)
def flag_artifacts(request, pk):
    """Flag what people agree is an artifact."""
    shown = get_object_or_404(Campaign, pk=pk)
    agreed = list(campaigns.artifacts_agreed(shown))
    for candidate in agreed:
        kind = candidate.consensus.slug.removeprefix("artifact-")
        kind = kind if kind in Artifact.values else Artifact.OTHER
        flag_source(candidate.pk, kind, f"agreed in the campaign “{shown}”", request.user)
    messages.success(request, f"{len(agreed):,} candidates flagged.")
    return redirect("campaign", pk=pk)


@require_GET
@permission_required(CAMPAIGN, raise_exception=True)
def export_decisions(request, pk):
    """All decisions of a campaign as CSV."""
    out = StringIO()
    writer = csv.writer(out)
    columns = {
        **{name: name for name in ("id", "time", "refsource_id", "ra", "dec", "filter")},
        **{"person": "user__username", "action": "action", "class": "choice__slug"},
        **{"comment": "comment", "how": "how", "undoes": "undoes_id"},
    }
    writer.writerow(columns)
    rows = GalDecision.objects.filter(campaign=pk).order_by("pk")
    writer.writerows(rows.values_list(*columns.values()))
    name = f"decisions-{pk}.csv"
    return HttpResponse(
        out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_GET
@voting
def vet(request, campaign):
    """The lane of a campaign: a card each, or a contact sheet."""
    if campaign.closed:
        messages.info(request, "This campaign is closed.")
        return redirect(campaign)
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    template = "variables/vetting_sheet.html" if is_sheet else "variables/vetting_card.html"
    context = {"campaign": campaign, "classes": classes_of(campaign.taxonomy)}
    return render(request, template, context)


@require_GET
@voting
def vet_next(request, campaign):
    """The next cards or tiles, leased to whoever asks, as JSON."""
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    after = _whole(request.GET.get("after"))
    skipped = "skipped" in request.GET
    n = TILES_AT_ONCE if is_sheet else CARDS_AT_ONCE
    objects = leases.lease_next(campaign, request.user, n, after, skipped)
    shown = tiles_of(objects) if is_sheet else cards_of(objects)
    left = leases.objects_left(campaign, request.user, skipped)
    return JsonResponse(
        {
            "objects": shown,
            "after": objects[-1].rank if objects else after,
            "left": left.count(),
            "skipped": 0 if objects else leases.objects_left(campaign, request.user, True).count(),
        }
    )


def _whole(text):
    return int(text) if text and text.isdecimal() else 0


@require_POST
@voting
def vet_decide(request, campaign):
    """Record decisions, one or a whole stroke."""
    try:
        rows = decide_all(request.user, decisions_from(request.body), campaign)
        leases.renew(campaign, request.user)
    except GalprojectError as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({"saved": len(rows)})


@require_POST
@voting
def vet_undo(request, campaign):
    """Take back the last decision, and give the candidates of it again."""
    try:
        ids = undo(request.user, campaign)
    except GalprojectError as error:
        return JsonResponse({"error": str(error)}, status=409)
    objects = list(campaign.objects_in.filter(refsource_id__in=ids).order_by("rank"))
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    return JsonResponse({"objects": tiles_of(objects) if is_sheet else cards_of(objects[:1])})


@require_POST
@voting
def vet_release(request, campaign):
    """Give back what was leased: somebody leaves."""
    leases.release(campaign, request.user)
    return JsonResponse({})


@require_POST
@permission_required(VOTE, raise_exception=True)
def vote(request, refsource_id):
    """A vote from a candidate's own page, outside of campaigns."""
    candidate = get_object_or_404(GalCandidate, pk=refsource_id)
    choice, comment = (request.POST.get(name, "") for name in ("choice", "comment"))
    try:
        decide(request.user, Said(candidate.pk, choice=choice, comment=comment))
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your vote is recorded.")
    query = urlencode({"list": request.GET["list"]}) if "list" in request.GET else ""
    return redirect(f"{candidate.get_absolute_url()}?{query}")
