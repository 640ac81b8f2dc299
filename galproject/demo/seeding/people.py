"""Users of a made-up survey, one for each group."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils.crypto import get_random_string

GROUP_OF = {
    "reader": "readers",
    "vetter": "vetters",
    "curator": "curators",
    "operator": "operators",
}


def make_people() -> dict[str, str]:
    """Make missing users, one for each group; returns names and passwords of the new ones."""
    users = get_user_model().objects
    passwords = {}
    for name, group in GROUP_OF.items():
        if users.filter(username=name).exists():
            continue
        passwords[name] = get_random_string(12)
        user = users.create_user(name, password=passwords[name])
        user.groups.set(Group.objects.filter(name=group))
    return passwords
