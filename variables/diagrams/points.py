"""The points of a diagram of variables: candidates by class, as far as a person may know them."""

from collections import Counter

import numpy as np

from photometry.matching.colours import colour_catalogue, published_colours
from variables.candidates.calibrated import calibrated_magnitudes
from variables.candidates.listing import search_for
from variables.candidates.search import CandidateSearch
from variables.diagrams.background import density_below
from variables.diagrams.kinds import COLOUR_MAGNITUDE, PERIOD_LUMINOSITY, Diagram
from variables.models import GalCandidate, TaxonomyClass
from variables.models.candidate_querysets import SEEN
from variables.votes.blindness import note_shown
from variables.votes.scores import show_scores

MOST = 1500  # candidates that are drawn: the first in the order of the list
DIGITS = 5
VARIABLE = TaxonomyClass.Kind.VARIABLE
COLUMNS = (
    *("catalogue_id", "mean_mag", "reference_mag", "colour_mag", "absolute_mag"),
    *("period_days", "amplitude_mag"),
)


def diagram_data(kind: Diagram, is_by_model: bool, data, request) -> dict:
    """What is drawn of the candidates that a QueryDict asks for, for JSON.

    ``{"x", "y", "is_log", "is_down", "groups", "n", "is_exact", "n_looked_at", "background"}``; of
    each group the ``label``, and ``points``: id, x and y. ``n`` candidates match and have the
    class and the columns; of more than MOST the first in the order of the list are looked at.
    """
    search = _search(kind, is_by_model, data, request)
    keys = [row.pk for row in search.first(None, False, MOST)]
    shown = GalCandidate.objects.as_seen_by(request.user).filter(pk__in=keys)
    classes_of = _classes_by_model if is_by_model else _classes_by_people
    classes = classes_of(shown, request.user)
    # Without what may be seen of each, which would be looked up once more.
    candidates = list(GalCandidate.objects.filter(pk__in=classes).only(*COLUMNS))
    catalogue = colour_catalogue()
    groups = {}
    for candidate, place in zip(candidates, _places(kind, candidates, catalogue), strict=True):
        if np.all(np.isfinite(place)):
            point = (candidate.pk, *(float(f"{value:.{DIGITS}g}") for value in place))
            groups.setdefault(classes[candidate.pk], []).append(point)
    drawn = Counter(candidate.catalogue_id for candidate in candidates)
    words = _words(catalogue)
    return {
        "x": kind.x.format(**words),
        "y": kind.y.format(**words),
        "is_log": kind.is_log,
        "is_down": kind.is_down,
        "groups": [
            {"label": label, "points": points}
            for label, points in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
        ],
        "n": search.count.n,
        "is_exact": search.count.is_exact,
        "n_looked_at": len(keys),
        "background": density_below(kind, drawn, catalogue),
    }


def _search(kind, is_by_model, data, request):
    """The search of the candidates that can be drawn, in the order of their list."""
    listed = search_for(data, request)
    rows = listed.rows.filter(**{f"{name}__isnull": False for name in kind.known})
    if not is_by_model:
        # Their ids rather than a join: so the planner knows how frequent they are.
        rows = rows.filter(SEEN, consensus__in=list(_labels()))
    return CandidateSearch(rows, listed.order, listed.everything, listed.ids)


def _classes_by_people(shown, user):
    """{id: label of the class that people agree on, or of what it is a subtype of}."""
    labels = _labels()
    agreed = shown.filter(SEEN, consensus__in=labels).values_list("pk", "consensus_id")
    classes = {pk: labels[choice] for pk, choice in agreed}
    note_shown(user, classes)
    return classes


def _classes_by_model(shown, user):
    """{id: label of the class that the model takes for the likeliest, of those of variables}."""
    labels = set(_labels().values())
    scores = show_scores(shown.values_list("pk", flat=True), user)
    likeliest = {pk: score.classes[0][0] for pk, score in scores.items() if score.classes}
    return {pk: label for pk, label in likeliest.items() if label in labels}


def _labels():
    """{class of variables: its label, or that of the class that it is a subtype of}."""
    classes = TaxonomyClass.objects.filter(kind=VARIABLE).select_related("parent")
    return {one.pk: (one.parent or one).label for one in classes}


def _places(kind, candidates, catalogue):
    """(n, 2) values on the axes; NaN where one is not known."""
    values = np.full((len(candidates), 2), np.nan)
    for column, name in enumerate(kind.known):
        values[:, column] = [getattr(one, name) for one in candidates]
    if kind is COLOUR_MAGNITUDE:
        values[:, 1] = _published_mags(candidates, catalogue)
    if kind is PERIOD_LUMINOSITY:
        values[:, 1] = _calibrated_mags(candidates)
    return values


def _published_mags(candidates, catalogue):
    mags = np.full(len(candidates), np.nan)
    if catalogue is None:
        return mags
    ids = np.array([one.pk for one in candidates], "i8")
    # By their ids alone, of whichever reference they are.
    stars = published_colours(0, catalogue, ids)
    _, place, star = np.intersect1d(ids, stars.refsource_id, return_indices=True)
    mags[place] = stars.mag[star]
    return mags


def _calibrated_mags(candidates):
    found = calibrated_magnitudes([(one.pk, one.mean_mag, one.reference_mag) for one in candidates])
    return [found[one.pk].mag if one.pk in found else np.nan for one in candidates]


def _words(catalogue):
    if catalogue is None:
        return {"colour": "published colour", "band": "published magnitude"}
    return {"colour": catalogue.colour_name, "band": catalogue.main_band}
