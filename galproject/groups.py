"""Who may do what: the groups that people are put into."""

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
    "variables.add_campaign": "make and run campaigns",
    "exposures.choose_reference": "choose references",
    "exposures.overrule_quality": "overrule the quality of images",
    "exposures.add_galjob": "have exposures processed",
}


def permissions_of(name) -> set[str]:
    """What a group may do beyond viewing, as "app.codename"."""
    return set(MAY[name]).union(*(permissions_of(other) for other in INCLUDES[name]))


def complete_groups(apps=installed, using=DEFAULT_DB_ALIAS, **_):
    """Make the groups, or give those that are there what they lack, after migrations.

    ``apps`` are those of the state that the database is in now, which may be an earlier one.
    """
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:  # nobody can log in yet
        return
    for label in VIEWED:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    everything = permissions.filter(content_type__app_label__in=VIEWED)
    everything = list(everything.select_related("content_type"))
    for name in MAY:
        wanted = permissions_of(name)
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(
            *(
                permission
                for permission in everything
                if permission.codename.startswith("view_")
                or f"{permission.content_type.app_label}.{permission.codename}" in wanted
            )
        )
