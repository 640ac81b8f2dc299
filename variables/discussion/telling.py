"""Who is told of a comment: whom it mentions or answers, and whom its subject concerns."""

from django.contrib.auth import get_user_model

from variables.models import GalComment, GalDecision, GalFavourite, NoticeKind
from variables.models.discussion import mentioned_in
from variables.notices.writing import tell


def tell_of_comment(comment) -> int:
    """Tell everybody whom a new comment concerns, each once; returns how many.

    Where its candidate is blind to somebody, the notice is held back until their vote.
    """
    kinds = dict.fromkeys(_concerned(comment), NoticeKind.COMMENT)
    kinds |= dict.fromkeys(_in_thread(comment), NoticeKind.REPLY)
    kinds |= dict.fromkeys(_mentioned(comment), NoticeKind.MENTION)
    return _tell(comment, kinds)


def tell_of_change(comment) -> int:
    """Tell those whom a comment mentions since it was changed, and who were not told of it."""
    told = set(comment.notices.values_list("user", flat=True))
    kinds = dict.fromkeys(_mentioned(comment) - told, NoticeKind.MENTION)
    return _tell(comment, kinds)


def _tell(comment, kinds):
    kinds.pop(comment.user_id, None)
    columns = {"comment": comment, "actor_id": comment.user_id}
    return tell(kinds, refsource_id=comment.refsource_id, **columns)


def _mentioned(comment) -> set[int]:
    names = mentioned_in(comment.text)
    people = get_user_model().objects.extra(where=["lower(username) = ANY(%s)"], params=[[*names]])
    return set(people.values_list("pk", flat=True)) if names else set()


def _in_thread(comment) -> set[int]:
    if comment.answers_id is None:
        return set()
    first = GalComment.objects.filter(pk=comment.answers_id)
    answers = GalComment.objects.filter(answers=comment.answers_id)
    return set((first | answers).filter(withdrawn=None).values_list("user", flat=True))


def _concerned(comment) -> set[int]:
    """Who commented on the same, voted on the candidate, or marked it as a favourite."""
    if comment.refsource_id is None:
        same = {"exposure": comment.exposure_id, "image": comment.image_id}
        return _users(GalComment.objects.filter(**same))
    of_candidate = {"refsource_id": comment.refsource_id}
    return (
        _users(GalComment.objects.filter(**of_candidate))
        | _users(GalDecision.objects.votes_standing().filter(**of_candidate))
        | _users(GalFavourite.objects.filter(**of_candidate))
    )


def _users(rows) -> set[int]:
    return set(rows.order_by().values_list("user", flat=True).distinct())
