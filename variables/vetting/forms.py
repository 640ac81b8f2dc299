"""Forms of campaigns, and what a browser sends of decisions."""

import json

from django import forms
from django.contrib.auth.models import User

from variables.models import Campaign, GalDecision
from variables.vetting.campaigns import NewCampaign
from variables.vetting.decisions import Said, VettingError

MAX_DECISIONS = 500  # in one request
VOTE, BACKEND = "variables.add_galdecision", "django.contrib.auth.backends.ModelBackend"


class CampaignForm(forms.Form):
    """What a new campaign is to be."""

    name = forms.CharField(max_length=Campaign.NAME_LENGTH)
    lane = forms.ChoiceField(
        choices=[("", "by the evidence: a campaign in each lane"), *Campaign.Lane.choices[:2]],
        required=False,
    )
    votes_wanted = forms.IntegerField(
        min_value=1, max_value=20, initial=1, label="Votes wanted", help_text="on each candidate"
    )
    n_gold = forms.IntegerField(
        min_value=0,
        max_value=500,
        initial=0,
        label="Gold objects",
        help_text="candidates that people agree on, mixed in: voters are judged by them",
    )
    gold = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "25166490 rr-lyrae"}),
        label="Gold objects that you name",
        help_text="in each line a candidate's number and a class, or class/subtype",
    )
    members = forms.ModelMultipleChoiceField(
        User.objects.with_perm(VOTE, backend=BACKEND).order_by("username"),
        required=False,
        help_text="nobody chosen: everyone who may vote",
    )

    def clean_gold(self):
        lines = [line.split() for line in self.cleaned_data["gold"].splitlines() if line.strip()]
        for line in lines:
            if len(line) != 2 or not line[0].isdecimal():
                raise forms.ValidationError(f"“{' '.join(line)}” is not a number and a class")
        return tuple((int(pk), path) for pk, path in lines)

    def wanted(self, query) -> NewCampaign:
        return NewCampaign(
            query=query, **{**self.cleaned_data, "members": tuple(self.cleaned_data["members"])}
        )


def decisions_from(body) -> list[Said]:
    """The decisions in the JSON of a request. Raises VettingError where it is something else."""
    try:
        rows = json.loads(body)["decisions"]
        said = [_said(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VettingError(f"These are no decisions: {error}") from error
    if len(said) > MAX_DECISIONS:
        raise VettingError(f"At most {MAX_DECISIONS} decisions are taken at once")
    return said


def keys_from(body) -> list[str]:
    """The keys of the decisions that are to be taken back; none: the last. Raises VettingError."""
    try:
        return [str(key) for key in json.loads(body or "{}").get("keys", [])][:MAX_DECISIONS]
    except (ValueError, TypeError, AttributeError) as error:
        raise VettingError(f"These are no decisions to take back: {error}") from error


def _said(row):
    action = GalDecision.Action(row.get("action", "vote"))
    if action == GalDecision.Action.UNDO:
        raise ValueError("decisions are undone elsewhere")
    return Said(
        refsource_id=int(row["refsource_id"]),
        action=action,
        choice=row.get("choice"),
        comment=str(row.get("comment", ""))[:2000],
        how=GalDecision.How(row.get("how", "click")),
        shown=dict(row.get("shown", {})),
        key=str(row.get("key", ""))[:64],
    )
