"""Forms of campaigns, and what a browser sends of decisions."""

import json

from django import forms
from django.contrib.auth.models import User

from variables.models import Campaign, GalDecision
from variables.successions import CARRIED_KEY
from variables.vetting.campaigns import NewCampaign
from variables.vetting.decisions import Said, VettingError
from variables.vetting.shown import shown_from

MAX_DECISIONS = 500  # in one request
MAX_COMMENT, MAX_CHOICE, MAX_KEY = 2000, 80, 64  # characters
# How a person decides in a browser; the other ways are the API's, and of what is carried along.
HOW = (GalDecision.How.KEY, GalDecision.How.CLICK, GalDecision.How.BULK)
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


def vote_from(refsource_id, data) -> Said:
    """The vote in the form of a candidate's page. Raises VettingError where it is none."""
    try:
        choice, comment = _text(data, "choice", MAX_CHOICE), _text(data, "comment", MAX_COMMENT)
    except ValueError as error:
        raise VettingError(f"This is no vote: {error}") from error
    if not choice:
        raise VettingError("Choose a class for your vote")
    return Said(refsource_id, choice=choice, comment=comment)


def keys_from(body) -> list[str]:
    """The keys of the decisions that are to be taken back; none: the last. Raises VettingError."""
    try:
        return [str(key) for key in json.loads(body or "{}").get("keys", [])][:MAX_DECISIONS]
    except (ValueError, TypeError, AttributeError) as error:
        raise VettingError(f"These are no decisions to take back: {error}") from error


def _said(row):
    """What one row of a request says: nothing but what a browser may say, in bounded sizes."""
    action = GalDecision.Action(row.get("action", "vote"))
    if action == GalDecision.Action.UNDO:
        raise ValueError("decisions are undone elsewhere")
    how = GalDecision.How(row.get("how", "click"))
    if how not in HOW:
        raise ValueError(f"“{how}” is not how a person decides: say {', '.join(HOW)}")
    return Said(
        refsource_id=int(row["refsource_id"]),
        action=action,
        choice=None if row.get("choice") is None else _text(row, "choice", MAX_CHOICE),
        comment=_text(row, "comment", MAX_COMMENT),
        how=how,
        shown=shown_from(row.get("shown", {})),
        key=_key(row),
    )


def _text(row, name, max_length):
    text = row.get(name, "")
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"{name} is no text")
    text.encode()  # half a surrogate pair is no text either
    if len(text) > max_length:
        raise ValueError(f"{name} has {len(text):,} characters, of {max_length:,} at most")
    return text


def _key(row):
    key = _text(row, "key", MAX_KEY)
    if key.startswith(CARRIED_KEY):
        raise ValueError(f"keys that begin with “{CARRIED_KEY}” are of votes carried along")
    return key
