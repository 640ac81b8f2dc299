"""What lists of candidates cost: each filter alone, three together, and every order."""

from itertools import combinations, product
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse

from benchmarks.survey_figures.pages import logged_in, look
from benchmarks.survey_rows.people import VETTERS
from exposures.models import GalExposure
from variables.candidates.columns import SORTABLE
from variables.models import GalCandidate, StarList

SEED = 7
# Of each filter values that are frequent and that are rare.
VALUES = {
    "detections_min": (2, 9),
    "detections_max": (1,),
    "changes_min": (3, 18),
    "changes_max": (1,),
    "kind": ("changed", "new", "varies"),
    "filter": ("g", "i"),
    "mag_min": (15, 21.9),
    "mag_max": (12, 19),
    "change_min": (0.5, 3.5),
    "change_max": (0.12, 1),
    "sigma_min": (20, 150),
    "excess_min": (0.05, 0.49),
    "period_min": (1, 99),
    "period_max": (0.11, 10),
    "colour_min": (0, 4),
    "colour_max": (-1.5, 1),
    "absolute_min": (0, 11),
    "absolute_max": (-3, 5),
    "alarm_max": (1e-10, 1e-3),
    "known": ("known", "new", "cant-be-told", "not-looked-up"),
    "known_class": ("RR", "dsct", "none of these"),
    "agreement": ("agrees", "alias", "1:2"),
    "cause": ("real", "motion", "edge"),
    "changed_star": ("another", "own"),
    "cls": ("none", "disputed", "rr-lyrae", "artifact", "qso"),
    "vetted": ("me", "not-me", "nobody"),
    "favourite": ("me",),
    "tag": ("none has this",),
    "artifact": ("only", "both"),
    "undetected": ("only", "both"),
    "exposure": ("600200",),
    "chip": (28, 1),
    "per": ("source",),
}
# Of columns that have no filter of their own in the form: the ones of which no index is.
COLUMNS = (
    *("x_min=3900", "y_max=100", "ra_min=266", "mean_mag_min=21.5", "chi2_nu_min=50"),
    *("amplitude_mag_min=1", "skewness_min=2", "first_mjd_min=60000", "period_err_max=1e-5"),
    *("mean_delta_mag_min=1", "has_vanished_in=yes", "failed_cuts_in=edge", "known_possible_min=2"),
    *("n_non_detections_min=9", "known_period_max=0.3", "agreed_period_days_min=1"),
    *("star_sources_min=3", "cause_in=edge&cause_in=shape&not=cause", "consensus_in=rr-lyrae"),
    *("known_name_begins=V1", "period_days_has=no", "chi2_nu_max=1&not=chi2_nu"),
)


def filter_values():
    """{filter: values} with those that are things of the survey."""
    candidate = GalCandidate.objects.filter(star_sources__gt=1, object_id__isnull=False).first()
    exposure = GalExposure.objects.filter(images__variables__failed_cuts=0).first()
    place = f"{candidate.ra:.4f} {candidate.dec:.4f}"
    return VALUES | {
        "exposure": (exposure.identifier,),
        "object": (candidate.object_id,),
        "star_list": tuple(StarList.objects.values_list("pk", flat=True)[:1]),
        "position": (place,),
        # Of a field, with its position.
        "radius": (3600,),
    }, place


def measure_lists(figures, n_triples, n_values=None):
    """Measure the first page of lists, of each filter by all its values, and in every order.

    With ``n_values`` each filter by its first ones, and every second order.
    """
    client, address = logged_in(VETTERS[0]), reverse("candidates")

    def seconds(query):
        asked = query if isinstance(query, str) else urlencode(query)
        return figures.cost(asked, look, client, f"{address}?{asked}")

    values, place = filter_values()
    seconds({})
    figures.store("list_seconds", seconds({}))
    alone = [
        _query(((name, value),), place) for name in values for value in values[name][:n_values]
    ]
    figures.store_worst("filters", {urlencode(query): seconds(query) for query in alone})
    figures.store_worst("columns", {query: seconds(query) for query in COLUMNS[:n_values]})
    triples = [_query(three, place) for three in _triples(values, n_triples)]
    # What people said and may see is looked up for each candidate: all of these together.
    opinions = product(values["cls"][:n_values], values["vetted"][:n_values])
    triples += [{"cls": cls, "vetted": by} for cls, by in opinions]
    figures.store_worst("three_filters", {urlencode(query): seconds(query) for query in triples})
    orders = sorted(SORTABLE)[:: 1 if n_values is None else 2]
    sorts = [sign + name for name in orders for sign in ("", "-")]
    figures.store_worst("sorts", {sort: seconds({"sort": sort}) for sort in sorts})
    figures.store("n_filters", len(alone))
    figures.store("n_three_filters", len(triples))
    figures.store("n_sorts", len(sorts))


def _query(chosen, place):
    query = dict(chosen)
    return query | {"position": place} if "radius" in query else query


def _triples(values, n):
    """``n`` of the combinations of three filters, each with values at random."""
    rng = np.random.default_rng(SEED)
    every = list(combinations(sorted(values), 3))
    chosen = rng.choice(len(every), min(n, len(every)), replace=False)
    return [
        tuple((name, values[name][rng.integers(len(values[name]))]) for name in every[i])
        for i in sorted(chosen.tolist())
    ]
