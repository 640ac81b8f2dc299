"""Every page of the site, found by its address pattern, so that none has to be thought of."""

import re
from dataclasses import dataclass

import psycopg2
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, get_resolver

# An object for each address with a place for one; of some kinds several, as pages differ much.
OBJECTS = {
    "exposures/": """
        SELECT exposure_id FROM galimages WHERE status = 'done' ORDER BY exposure_id LIMIT 1""",
    "candidates/": """
        (SELECT refsource_id FROM galcandidates WHERE NOT is_flagged
         ORDER BY n_detections DESC, refsource_id LIMIT 1)
        UNION ALL (SELECT min(refsource_id) FROM galcandidates WHERE is_flagged)""",
    "candidates/<pk>/draft/": """
        (SELECT c.refsource_id FROM galcandidates c JOIN galclasses k ON k.id = c.consensus_id
         WHERE k.kind = 'variable' AND k.slug <> 'proper-motion' AND c.n_detections > 0
             AND NOT EXISTS (
                 SELECT FROM galcampaignobjects o JOIN galcampaigns g ON g.id = o.campaign_id
                 WHERE o.refsource_id = c.refsource_id AND g.closed IS NULL)
         ORDER BY c.refsource_id LIMIT 1)
        UNION ALL (SELECT min(refsource_id) FROM galcandidates WHERE is_flagged)""",
    "vetting/": "SELECT id FROM galcampaigns ORDER BY id",
    "references/": """
        (SELECT min(exposure_id) FROM galimages WHERE is_reference)
        UNION ALL (SELECT min(exposure_id) FROM galimages WHERE NOT is_reference)""",
    "plane/lists/": "SELECT min(id) FROM galstarlists",
    "watches/": "SELECT min(id) FROM galwatches",
    "nights/": """
        SELECT to_char(date '1858-11-17' + floor(max(mjd) - 0.667)::int, 'YYYY-MM-DD')
        FROM galexposures""",
    "flags/images/": """
        (SELECT min(id) FROM galimages WHERE is_reference)
        UNION ALL (SELECT min(image_id) FROM galflags WHERE region IS NOT NULL)""",
}
# Of Django's tables a table's pages are made of the same templates as any other's: all pages of the
# first, and the list and the form of those that have what others have not.
ADMIN_TABLES = (
    *("auth.user", "variables.galcandidate", "variables.taxonomy", "variables.campaign"),
    "exposures.galimage",
)
PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
# Queries that show a page's other faces.
QUERIES = {
    "candidates/": ("", "?position=17:53:20 -29:55&radius=4000", "?detections_min=9999"),
    "candidates/<pk>/draft/": ("", "?for=tns"),
    "diagrams/": ("?mag_max=30",),
    "plane/": ("", "?y=von_neumann&filter=i", "?position=10 80"),
    "references/": ("", "?position=270.9 -30&filter=i"),
    "working-status/": ("", "?state=failed"),
}


@dataclass(frozen=True)
class Address:
    """An address of the site, and the pattern that it follows."""

    pattern: str
    path: str


def patterns(resolver=None, prefix=""):
    """All address patterns, as one reads them: with places like <pk>."""
    for one in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(one.pattern).removeprefix("^").replace("\\Z", "").rstrip("$")
        if isinstance(one, URLPattern):
            yield PLACE.sub(lambda place: f"<{place[1] or place[2]}>", pattern)
        else:
            yield from patterns(one, pattern)


def addresses(database_url) -> list[Address]:
    """An address or several of each pattern, of objects that are in the database."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        return [
            Address(pattern, f"/{path}{query}")
            for pattern in dict.fromkeys(patterns())
            if not _is_other(pattern)
            for path in _paths(pattern, cursor)
            for query in QUERIES.get(pattern, ("",))
        ]


def _is_other(pattern):
    """Formats of the API's addresses, the catch-all of the tables, and further tables."""
    if "<format>" in pattern or "<url>" in pattern:
        return True
    words = pattern.split("/")
    if words[0] != "admin" or len(words) <= 3 or words[1] not in apps.app_configs:
        return False
    table = ".".join(words[1:3])
    is_list_or_form = len(words) == 4 or "change" in words
    return table not in ADMIN_TABLES or (table != ADMIN_TABLES[0] and not is_list_or_form)


def _paths(pattern, cursor):
    if "<" not in pattern:
        return [pattern]
    head = pattern.partition("<")[0]
    cursor.execute(OBJECTS.get(pattern) or OBJECTS.get(head) or _first_row(head) or "SELECT 1")
    return [re.sub("<[^>]*>", str(key), pattern) for (key,) in cursor.fetchall()]


def _first_row(head):
    """SQL for an object of one of Django's tables; None for other addresses."""
    words = head.split("/")
    for model in admin.site._registry:
        if words[:3] == ["admin", model._meta.app_label, model._meta.model_name]:
            return f"SELECT min({model._meta.pk.column}) FROM {model._meta.db_table}"
    return None
