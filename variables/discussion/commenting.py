"""Comments made, answered, changed and withdrawn, and shown as threads."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from variables.discussion.telling import tell_of_change, tell_of_comment
from variables.models import GalComment
from variables.models.discussion import MAX_COMMENT, about
from variables.votes.blindness import note_shown

MOST_SHOWN = 200  # threads of one subject, the newest


class CommentError(GalprojectError):
    """A comment that can't be made or changed."""


@dataclass(frozen=True)
class Thread:
    """A comment and its answers, oldest first."""

    first: GalComment
    answers: tuple[GalComment, ...]


def threads_on(subject, user) -> tuple[Thread, ...]:
    """The threads on a candidate, exposure or image that a user may see, oldest first.

    It is recorded that the user was shown what others say of a candidate.
    """
    if (pk := about(subject).get("refsource_id")) is not None:
        note_shown(user, [pk])
    rows = GalComment.objects.on(subject).visible_to(user).select_related("user")
    first = list(rows.filter(answers=None).order_by("-pk")[:MOST_SHOWN])
    answers = {one.pk: [] for one in first}
    for row in rows.filter(answers__in=answers).order_by("pk"):
        answers[row.answers_id].append(row)
    return tuple(Thread(one, tuple(answers[one.pk])) for one in reversed(first))


@transaction.atomic
def comment_on(subject, user, text, answers=None, key="") -> GalComment:
    """Make a comment on a candidate, exposure or image; ``answers`` is the id of another.

    An answer to an answer goes into the same thread. What was sent before with the same ``key`` is
    returned. Raises CommentError where there is no text, or the other can't be answered.
    """
    answered = None if answers is None else _answered(subject, user, answers)
    said = {
        **about(subject),
        "text": _text(text),
        "answers_id": answered and (answered.answers_id or answered.pk),
    }
    if key:
        made, is_new = GalComment.objects.get_or_create(user=user, key=key, defaults=said)
    else:
        made, is_new = GalComment.objects.create(user=user, **said), True
    if is_new:
        tell_of_comment(made)
    return made


def _answered(subject, user, pk):
    found = GalComment.objects.on(subject).visible_to(user).filter(pk=pk, withdrawn=None).first()
    if found is None:
        raise CommentError("That comment was withdrawn, or is not here any more")
    return found


@transaction.atomic
def change_comment(comment, user, text) -> GalComment:
    """Change the text of a user's own comment. Raises CommentError if it isn't theirs to change."""
    _check_own(comment, user)
    comment.text, comment.changed = _text(text), timezone.now()
    comment.save(update_fields=["text", "changed"])
    tell_of_change(comment)
    return comment


def withdraw_comment(comment, user) -> GalComment:
    """Withdraw a user's own comment, which stays as withdrawn. Raises CommentError otherwise."""
    _check_own(comment, user)
    comment.withdrawn = timezone.now()
    comment.save(update_fields=["withdrawn"])
    return comment


def _check_own(comment, user):
    if comment.user_id != user.pk:
        raise CommentError("Only its author can change or withdraw a comment")
    if comment.withdrawn:
        raise CommentError("This comment was withdrawn already")


def _text(text):
    text = text.strip()
    if not text:
        raise CommentError("A comment has a text")
    if len(text) > MAX_COMMENT:
        raise CommentError(f"The comment has {len(text):,} characters, of {MAX_COMMENT:,} at most")
    return text
