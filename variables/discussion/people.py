"""The people who can be mentioned: all who may see the survey."""

from django.contrib.auth import get_user_model
from django.db.models import Q

VIEW = "exposures.view_survey"
BACKEND = "django.contrib.auth.backends.ModelBackend"
MOST_NAMES = 8


def who_may_see():
    """Active users who may see the survey, and with it every candidate."""
    return get_user_model().objects.with_perm(VIEW, backend=BACKEND)


def names_like(begun) -> list[str]:
    """The first names of users that begin so, or else have it in them, to be mentioned."""
    people = who_may_see().filter(
        Q(username__istartswith=begun)
        | Q(first_name__istartswith=begun)
        | Q(last_name__istartswith=begun)
    )
    return list(people.order_by("username").values_list("username", flat=True)[:MOST_NAMES])
