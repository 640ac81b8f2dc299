"""The people who can be mentioned: all who may see the survey."""

from django.db.models import Q

from variables.notices.writing import who_may_see

MOST_NAMES = 8


def names_like(begun) -> list[str]:
    """The first names of users that begin so, or else have it in them, to be mentioned."""
    people = who_may_see().filter(
        Q(username__istartswith=begun)
        | Q(first_name__istartswith=begun)
        | Q(last_name__istartswith=begun)
    )
    return list(people.order_by("username").values_list("username", flat=True)[:MOST_NAMES])
