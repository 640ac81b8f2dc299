"""Favourites and tags set, taken off, renamed, merged, and shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction
from django.db.models import Count

from exposures.errors import GalprojectError
from variables.models import GalFavourite, GalTag, GalTagging
from variables.models.labels import MAX_TAG

MOST_FAVOURITES = 5000  # of one person: all of them are looked up where a list asks for them
MOST_TAGS = 200  # of one person, and of all: so many are offered for completion
WORD = re.compile(r"\w[\w .+/-]*")
# What the other tag has is not doubled; the rest is of the other from then on.
MERGE = """
WITH gone AS (
    DELETE FROM galtaggings t WHERE t.tag_id = %(old)s AND EXISTS (
        SELECT FROM galtaggings o WHERE o.tag_id = %(new)s AND o.refsource_id = t.refsource_id
    )
)
UPDATE galtaggings t SET tag_id = %(new)s WHERE t.tag_id = %(old)s AND NOT EXISTS (
    SELECT FROM galtaggings o WHERE o.tag_id = %(new)s AND o.refsource_id = t.refsource_id
)
"""


class LabelError(GalprojectError):
    """A favourite or tag that can't be set or changed."""


@dataclass(frozen=True)
class Marks:
    """What a user sees that a candidate is marked by."""

    is_favourite: bool = False
    taggings: tuple[GalTagging, ...] = ()  # by name


def marks_on(refsource_ids: Iterable[int], user) -> dict[int, Marks]:
    """{refsource_id: Marks} of candidates as a user sees them, in two queries."""
    ids = list(refsource_ids)
    mine = GalFavourite.objects.filter(user=user, refsource_id__in=ids)
    starred = set(mine.values_list("refsource_id", flat=True))
    tagged = {pk: [] for pk in ids}
    rows = GalTagging.objects.visible_to(user).filter(refsource_id__in=ids)
    for row in rows.select_related("tag", "user").order_by("tag__name"):
        tagged[row.refsource_id].append(row)
    return {pk: Marks(pk in starred, tuple(tagged[pk])) for pk in ids}


@transaction.atomic
def set_favourite(user, refsource_id, wanted: bool | None = None) -> bool:
    """Mark a candidate as a user's favourite or not, or the other way; whether it is one now.

    Raises LabelError where the user has MOST_FAVOURITES already.
    """
    mine = GalFavourite.objects.filter(user=user)
    here = mine.filter(refsource_id=refsource_id)
    is_one = here.exists()
    wanted = not is_one if wanted is None else wanted
    if not wanted:
        here.delete()
    elif not is_one:
        if mine.count() >= MOST_FAVOURITES:
            raise LabelError(f"You have {MOST_FAVOURITES:,} favourites: take some off, or use tags")
        GalFavourite.objects.get_or_create(user=user, refsource_id=refsource_id)
    return wanted


@transaction.atomic
def tag(user, refsource_id, name, shared: bool) -> GalTagging:
    """Tag a candidate by a word, the user's own or one shared by all, which is made if need be."""
    owner = None if shared else user
    tags = GalTag.objects.filter(owner=owner)
    name = name_of(name)
    if tags.count() >= MOST_TAGS and not tags.filter(name=name).exists():
        raise LabelError(f"There are {MOST_TAGS} tags already: take one of them, or merge some")
    made, _ = GalTag.objects.get_or_create(owner=owner, name=name)
    found, _ = GalTagging.objects.get_or_create(
        tag=made, refsource_id=refsource_id, defaults={"user": user}
    )
    return found


def untag(tagging, user, may_edit: bool):
    """Take a tag off a candidate: whoever set it, or who may edit shared tags."""
    if tagging.user_id != user.pk and not may_edit:
        raise LabelError(f"{tagging.user} set this tag: they, or a curator, can take it off")
    tagging.delete()


@transaction.atomic
def rename_tag(found, name) -> GalTag:
    """Give a tag another name; where another tag of its owner has that name, merge it into that."""
    name = name_of(name)
    other = GalTag.objects.filter(owner=found.owner_id, name=name).exclude(pk=found.pk).first()
    if other is None:
        found.name = name
        try:
            with transaction.atomic():
                found.save(update_fields=["name"])
        except IntegrityError as error:
            raise LabelError(f"Somebody has just made the tag “{name}”: try again") from error
        return found
    with connection.cursor() as cursor:
        cursor.execute(MERGE, {"old": found.pk, "new": other.pk})
    found.delete()
    return other


def name_of(text) -> str:
    """The name of a tag, from what somebody typed: small letters, single spaces."""
    name = " ".join(text.lower().split())
    if not WORD.fullmatch(name) or len(name) > MAX_TAG:
        raise LabelError(
            f"A tag is a short word of up to {MAX_TAG} letters, digits, spaces and . + / -"
        )
    return name


def tags_for(user):
    """The tags that a user may set, their own ones first."""
    return GalTag.objects.seen_by(user).order_by("owner", "name")


def tags_with_numbers(user) -> list[GalTag]:
    """The same, each with the number ``n`` of candidates that the user sees by it."""
    visible = GalTagging.objects.visible_to(user).order_by().values_list("tag")
    numbers = dict(visible.annotate(Count("pk")))
    rows = list(tags_for(user))
    for row in rows:
        row.n = numbers.get(row.pk, 0)
    return rows
