"""People in groups, who may see the survey."""

from django.contrib.auth.models import Group, User

from galproject.site.tokens import make_token


def make_person(name, group="readers", **columns):
    """Somebody in a group."""
    user = User.objects.create_user(name, **columns)
    user.groups.add(Group.objects.get(name=group))
    return user


def token_header(user, name="script"):
    """The header by which a script logs in as somebody."""
    return {"Authorization": f"Token {make_token(user, name, days=1)[1]}"}
