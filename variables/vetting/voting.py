"""Views of those who may vote in a campaign."""

from functools import wraps

from django.shortcuts import get_object_or_404

from exposures.permissions import NotInvitedError, needs_permission
from variables.models import Campaign

VOTE = "variables.add_galdecision"


def voting(view):
    """Restrict a view to members of the campaign who may vote."""
    campaigns_to_vote = Campaign.objects.select_related("taxonomy").with_members()

    @wraps(view)
    @needs_permission(VOTE)
    def wrapped(request, pk):
        campaign = get_object_or_404(campaigns_to_vote, pk=pk)
        if not campaign.is_open_to(request.user):
            raise NotInvitedError(_invitation(campaign))
        return view(request, campaign)

    return wrapped


def _invitation(campaign):
    """The voters of a campaign and those who can change them."""
    names = ", ".join(campaign.members.order_by("username").values_list("username", flat=True))
    return (
        f"The campaign “{campaign}” is for {names}. {campaign.created_by.get_username()}, who "
        "made it, or an administrator can add you to its members."
    )
