"""Forms of campaigns, and the reading of decisions that a browser sends."""

from django import forms
from django.contrib.auth.models import User

from exposures.input.form_fields import IntegerField, refusal
from exposures.input.json_text import read_json
from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer, parse_number
from variables.models import Campaign, GalDecision
from variables.models.vetting import MAX_PERIOD_DAYS, MIN_PERIOD_DAYS
from variables.replacements.annotations import TRANSFERRED_KEY
from variables.vetting.campaigns import NewCampaign
from variables.vetting.decisions import DecisionInput, VettingError
from variables.vetting.groups import GroupStroke
from variables.vetting.moves import MOVED_KEY
from variables.vetting.queue_order import QueueOrder
from variables.vetting.shown import shown_from

MAX_DECISIONS = 500  # in one request
MAX_COMMENT, MAX_CHOICE, MAX_KEY, MAX_NUMBER = 2000, 80, 64, 40  # characters
# A group's key is followed by the number of each candidate, within MAX_KEY; its token names all
# its candidates, some 2 characters each.
MAX_GROUP_KEY, MAX_TOKEN = 40, 400_000
# How a person decides in a browser; decisions can also come by the API, or be transferred.
HOW = (GalDecision.How.KEY, GalDecision.How.CLICK, GalDecision.How.BULK)
VOTE, BACKEND = "variables.add_galdecision", "django.contrib.auth.backends.ModelBackend"


class CampaignForm(forms.Form):
    """The settings of a new campaign."""

    name = forms.CharField(max_length=Campaign.NAME_LENGTH)
    lane = forms.ChoiceField(
        choices=[("", "by the evidence: a campaign in each lane"), *Campaign.Lane.choices[:2]],
        required=False,
    )
    votes_wanted = IntegerField(
        min_value=1, max_value=20, initial=1, label="Votes wanted", help_text="on each candidate"
    )
    n_gold = IntegerField(
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

    order = forms.ChoiceField(
        choices=QueueOrder.choices,
        required=False,
        help_text="of cards; whoever knows it can guess what the model says",
    )
    shows_scores = forms.BooleanField(
        required=False,
        label="Show the model's opinion",
        help_text="before one's own vote, which is then not independent of it",
    )

    def clean_gold(self):
        lines = [line for line in self.cleaned_data["gold"].splitlines() if line.strip()]
        return tuple(map(_gold, lines))

    def wanted(self, query) -> NewCampaign:
        return NewCampaign(
            query=query, **{**self.cleaned_data, "members": tuple(self.cleaned_data["members"])}
        )


def _gold(line):
    """(refsource_id, "class" or "class/subtype") that a line names."""
    words = line.split()
    try:
        number, path = words
        return parse_integer(number, 0, BIGINT_MAX), path
    except ValueError as error:
        shown = " ".join(words)[:80]
        raise refusal(f"“{shown}” is not a number and a class") from error


class UnreadableError(VettingError):
    """A request body that our own pages would not send."""


def decisions_from(body) -> list[DecisionInput]:
    """Read decisions from a request's JSON. Raises UnreadableError if it is anything else."""
    try:
        rows = _member(read_json(body), "decisions", list)
        if len(rows) > MAX_DECISIONS:
            raise ValueError(f"at most {MAX_DECISIONS} are taken at once")
        return [_decision_input(row) for row in rows]
    except ValueError as error:
        raise UnreadableError(f"These are no decisions: {error}") from error


def _member(body, name, kind, default=None):
    """A member of a JSON object. Raises ValueError if it is missing or of another type."""
    if not isinstance(body, dict):
        raise ValueError("the JSON is no object")
    value = body.get(name, default)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {'missing' if name not in body else 'of the wrong kind'}")
    return value


def vote_from(refsource_id, data) -> DecisionInput:
    """The vote submitted on a candidate's page. Raises VettingError if there is none."""
    try:
        choice, comment = _text(data, "choice", MAX_CHOICE), _text(data, "comment", MAX_COMMENT)
        period = _typed_period(_text(data, "period_days", MAX_NUMBER))
        moved_to = _moved_to(data)
    except ValueError as error:
        raise VettingError(f"This is no vote: {error}") from error
    if not choice:
        raise VettingError("Choose a class for your vote")
    return DecisionInput(
        refsource_id, choice=choice, comment=comment, period_days=period, moved_to=moved_to
    )


def keys_from(body) -> list[str]:
    """Keys of the decisions to undo; empty for the last one. Raises UnreadableError."""
    try:
        keys = _member(read_json(body or "{}"), "keys", list, default=[])
        if not all(isinstance(key, str) for key in keys):
            raise ValueError("keys are texts")
        return keys[:MAX_DECISIONS]
    except ValueError as error:
        raise UnreadableError(f"These are no decisions to take back: {error}") from error


def batch_from(body) -> str:
    """The key of the batch to undo; "" for none. Raises UnreadableError."""
    try:
        return _text(_object(body or "{}"), "batch", MAX_GROUP_KEY)
    except ValueError as error:
        raise UnreadableError(f"This is no batch to take back: {error}") from error


def stroke_from(body) -> GroupStroke:
    """Read the vote on a whole group from a request's JSON. Raises UnreadableError otherwise."""
    try:
        row = _object(body)
        seen = _member(row, "seen", list)
        if len(seen) > MAX_DECISIONS:
            raise ValueError(f"at most {MAX_DECISIONS} are seen at once")
        stroke = GroupStroke(
            token=_text(row, "group", MAX_TOKEN),
            choice=_text(row, "choice", MAX_CHOICE),
            key=_text(row, "key", MAX_GROUP_KEY),
            seen={_refsource_id(one): shown_from(one.get("shown", {})) for one in map(_row, seen)},
        )
    except ValueError as error:
        raise UnreadableError(f"This is no vote on a group: {error}") from error
    if not stroke.key or ":" in stroke.key or stroke.key.startswith(TRANSFERRED_KEY):
        raise UnreadableError("This is no vote on a group: it has no key of its own")
    return stroke


def _object(body):
    return _row(read_json(body))


def _row(row):
    if not isinstance(row, dict):
        raise ValueError("one of them is no object")
    return row


def _typed_period(text):
    """A period in days that somebody typed, or None for an empty text."""
    try:
        return _period(parse_number(text)) if text.strip() else None
    except NumberError as error:
        raise ValueError(f"the period: {error}") from error


def _decision_input(row):
    """The decision in one row of a request, restricted to known fields of bounded size."""
    row = _row(row)
    action = GalDecision.Action(row.get("action", "vote"))
    if action == GalDecision.Action.UNDO:
        raise ValueError("decisions are undone elsewhere")
    how = GalDecision.How(row.get("how", "click"))
    if how not in HOW:
        raise ValueError(f"“{how}” is not how a person decides: say {', '.join(HOW)}")
    moved_to = _moved_to(row)
    if moved_to is not None and action != GalDecision.Action.VOTE:
        raise ValueError("votes alone are moved to a neighbour")
    return DecisionInput(
        refsource_id=_refsource_id(row),
        moved_to=moved_to,
        action=action,
        choice=None if row.get("choice") is None else _text(row, "choice", MAX_CHOICE),
        comment=_text(row, "comment", MAX_COMMENT),
        period_days=_period(row.get("period_days")),
        how=how,
        shown=shown_from(row.get("shown", {})),
        key=_key(row),
    )


def _refsource_id(row):
    try:
        return parse_integer(row.get("refsource_id"), 0, BIGINT_MAX)
    except NumberError as error:
        raise ValueError(f"refsource_id: {error}") from error


def _moved_to(row):
    """The neighbour that a vote is for, or None where it is for the candidate."""
    if not row.get("moved_to"):
        return None
    try:
        return parse_integer(row["moved_to"], 0, BIGINT_MAX)
    except NumberError as error:
        raise ValueError(f"moved_to: {error}") from error


def _text(row, name, max_length):
    text = row.get(name, "")
    if not isinstance(text, str):
        raise ValueError(f"{name} is no text")
    if len(text) > max_length:
        raise ValueError(f"{name} has {len(text):,} characters, of {max_length:,} at most")
    return text


def _period(value):
    """A period in days, or None for none."""
    if value is None:
        return None
    if type(value) not in (int, float) or not MIN_PERIOD_DAYS <= value <= MAX_PERIOD_DAYS:
        raise ValueError(
            f"period_days is no number from {MIN_PERIOD_DAYS:g} to {MAX_PERIOD_DAYS:,.0f}"
        )
    return float(value)


def _key(row):
    key = _text(row, "key", MAX_KEY)
    if key.startswith(TRANSFERRED_KEY):
        raise ValueError(f"keys that begin with “{TRANSFERRED_KEY}” are of transferred votes")
    if key.endswith(MOVED_KEY) or len(key) == MAX_KEY:
        raise ValueError(f"keys don't end on “{MOVED_KEY}”, nor have {MAX_KEY} characters")
    return key
