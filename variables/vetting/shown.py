"""Proof of what was on a voter's screen: signed when sent, checked when votes arrive."""

import json
import time
from dataclasses import replace
from functools import partial

from django.core.signing import BadSignature, Signer

from variables.models import Campaign, GalDecision
from variables.vetting.decisions import VettingError

# In one look a person takes in about three things a second; a sheet is looked at for as long as
# its tiles are on the screen together.
SEEN_SECONDS = 0.5
SLACK_SECONDS = 1.0  # between a browser's measure of time and ours
SALT = "variables.vetting.shown"
KEPT = ("lane", "tiles", "batch")  # of what a browser says; the rest is ours
CHECKED = ("stamp", "seconds")  # what is checked and not kept as it came
MAX_SHOWN = 2000  # characters of JSON; a browser's are some 200
MAX_TILES, MAX_BATCH_KEY = 1000, 64


def stamps_for(campaign, user):
    """A function that signs a strip of cutouts as sent to a user now."""
    return partial(_stamp, campaign.pk, user.pk)


def _stamp(*ids):
    return Signer(salt=SALT).sign(":".join(map(str, [*ids, int(1000 * time.time())])))


def shown_from(given) -> dict:
    """What a browser says was on screen, restricted to the keys in KEPT and CHECKED.

    Raises ValueError if it is too long, or not in the form that browsers send.
    """
    if not isinstance(given, dict):
        raise ValueError("shown is no object")
    if (size := len(json.dumps(given))) > MAX_SHOWN:
        raise ValueError(f"shown has {size:,} characters, of {MAX_SHOWN:,} at most")
    if given.get("lane", Campaign.Lane.CARD) not in Campaign.Lane.values:
        raise ValueError("shown.lane is no lane")
    tiles, batch = given.get("tiles", 0), given.get("batch", "")
    if type(tiles) is not int or not 0 <= tiles <= MAX_TILES:
        raise ValueError(f"shown.tiles is no whole number up to {MAX_TILES:,}")
    if not isinstance(batch, str) or len(batch) > MAX_BATCH_KEY or not batch.isascii():
        raise ValueError(f"shown.batch is no text of up to {MAX_BATCH_KEY} plain characters")
    return {name: given[name] for name in (*KEPT, *CHECKED) if name in given}


def check_shown(user, campaign, inputs):
    """The DecisionInputs, with what is known of each one's picture added to ``shown``.

    Votes in bulk are only for candidates that were seen. Raises VettingError if a candidate's
    picture was not sent to the user, or was on screen for too short a time, or for longer than
    since it was sent.
    """
    if campaign.lane != Campaign.Lane.SHEET:
        return [replace(one, shown=_kept(one)) for one in inputs]
    return [replace(one, shown=_checked(user, campaign, one)) for one in inputs]


def _checked(user, campaign, given):
    kept = _kept(given)
    is_batch = given.how == GalDecision.How.BULK or "batch" in kept
    if not is_batch or given.action != GalDecision.Action.VOTE:
        return kept
    return kept | what_was_seen(user, campaign, given.refsource_id, given.shown)


def what_was_seen(user, campaign, refsource_id, said) -> dict:
    """The ``image`` whose strip was sent to a user, and for how many ``seconds`` it was looked at.

    ``said`` is what a browser says was shown. Raises VettingError as ``check_shown`` does.
    """
    image_id, age_seconds = _read(said.get("stamp"), campaign.pk, user.pk, refsource_id)
    seconds = _number(said.get("seconds"))
    if not SEEN_SECONDS <= seconds <= age_seconds + SLACK_SECONDS:
        raise VettingError(
            f"Candidate {refsource_id} was not on the screen long enough to be seen: look at it, "
            "and mark it again"
        )
    return {"image": image_id, "seconds": round(seconds, 1)}


def _kept(given):
    return {name: given.shown[name] for name in KEPT if name in given.shown}


def _read(stamp, *ids):
    """The image whose strip was sent, and how many seconds ago."""
    try:
        *sent_to, image_id, sent_ms = map(int, Signer(salt=SALT).unsign(str(stamp)).split(":"))
    except BadSignature:
        sent_to = None
    if sent_to != list(ids):
        raise VettingError(
            f"Candidate {ids[-1]} was not shown to you with a picture: decide it by itself, or "
            "load the sheet again once its cutouts are rendered (manage.py render_pictures)"
        )
    return image_id, time.time() - sent_ms / 1000


def _number(value):
    """A number from JSON, or NaN, which fails every comparison."""
    return float(value) if type(value) in (int, float) else float("nan")
