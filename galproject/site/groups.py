"""Groups of users and their permissions."""

import sys

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS

VIEWED = ("exposures", "photometry", "variables")
# Each group may do what its own line says, and what those say that it includes.
INCLUDES = {
    "readers": (),
    "vetters": ("readers",),
    "curators": ("vetters",),
    "operators": ("readers",),
}
MAY = {
    "readers": (),  # view everything
    "vetters": ("variables.add_galdecision",),
    "curators": (
        "variables.add_galflag",
        "variables.change_galflag",
        "variables.add_campaign",
        "variables.change_campaign",
        "variables.change_campaignobject",
        "variables.add_taxonomy",
        "variables.change_taxonomy",
        "variables.delete_taxonomy",
        "variables.add_taxonomyclass",
        "variables.change_taxonomyclass",
        "variables.delete_taxonomyclass",
        "variables.change_galtag",
        "exposures.choose_reference",
        "exposures.overrule_quality",
    ),
    "operators": (
        "exposures.add_galjob",
        "exposures.overrule_quality",
        "exposures.add_galfield",
        "exposures.change_galfield",
        "exposures.delete_galfield",
    ),
}

# What the permissions of the pages are for, to be read after "you may not".
ACTS = {
    "variables.add_galdecision": "vote on candidates",
    "variables.add_galflag": "flag artifacts, and decide on flags",
    "variables.change_galtag": "rename, merge and delete shared tags",
    "variables.add_campaign": "make and run campaigns",
    "exposures.choose_reference": "choose references",
    "exposures.overrule_quality": "overrule the quality of images",
    "exposures.add_galjob": "have exposures processed",
    "exposures.view_survey": "see the survey",
}


def permissions_of(name) -> set[str]:
    """The permissions of a group beyond viewing, as "app.codename"."""
    return set(MAY[name]).union(*(permissions_of(other) for other in INCLUDES[name]))


def complete_groups(apps=installed, using=DEFAULT_DB_ALIAS, verbosity=0, stdout=None, **_):
    """Give each group its permissions by the code after migrations, making missing groups.

    What an earlier version gave and this one doesn't is taken back. What administrators gave
    beyond stays, and is told. ``apps`` are those of the state that the database is in now, which
    may be an earlier one.
    """
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:  # nobody can log in yet
        return
    for label in VIEWED:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    there = {_name(one): one for one in permissions.select_related("content_type")}
    given = _given(apps, using)
    for name in MAY:
        group, _ = groups.get_or_create(name=name)
        wanted = {label for label in there if _is_viewed(label)} | permissions_of(name)
        change = _complete(group, {there[label].pk for label in wanted & there.keys()}, given)
        if verbosity:
            _tell(name, change, there, stdout or sys.stdout)


def _name(permission):
    return f"{permission.content_type.app_label}.{permission.codename}"


def _is_viewed(label):
    app, _, codename = label.partition(".")
    return app in VIEWED and codename.startswith("view_")


def _given(apps, using):
    """Rows of permissions given to groups; None before the table exists."""
    try:
        return apps.get_model("galproject", "GivenPermission").objects.using(using)
    except LookupError:
        return None


def _complete(group, wanted, given):
    """Give a group these permissions; returns ids added, removed, and its own."""
    held = set(group.permissions.values_list("pk", flat=True))
    of_group = given.filter(group_id=group.pk) if given is not None else None
    ours = set(of_group.values_list("permission_id", flat=True)) if given is not None else set()
    change = {"added": wanted - held, "taken": held & ours - wanted, "own": held - ours - wanted}
    group.permissions.add(*change["added"])
    group.permissions.remove(*change["taken"])
    if given is not None:
        of_group.exclude(permission_id__in=wanted).delete()
        given.bulk_create(
            given.model(group_id=group.pk, permission_id=pk) for pk in sorted(wanted - ours)
        )
    return change


MAX_NAMED = 12  # permissions
WORDS = {
    "added": "was given",
    "taken": "has no longer",
    "own": "keeps, as an administrator gave it,",
}


def _tell(name, change, there, stream):
    """Report the changes of a group, if any."""
    labels = {permission.pk: label for label, permission in there.items()}
    for kind, ids in change.items():
        named = ", ".join(sorted(labels[pk] for pk in ids))
        if ids:
            what = named if len(ids) <= MAX_NAMED else f"{len(ids)} permissions"
            stream.write(f"  Group {name} {WORDS[kind]} {what}\n")
