"""What published catalogues say of a candidate on a card, and its place in their diagram."""

from django.urls import reverse

from photometry.matching.colours import colour_catalogue
from photometry.science.matching.states import MatchState
from variables.candidates.known import published_matches_of
from variables.science.period_agreement import PeriodAgreement


def published_of(candidates) -> dict[int, dict]:
    """{refsource_id: ``{"published", "diagram"}``} of candidates by their ids.

    ``published`` are lines of text, one a catalogue that has a star for it, and one for those that
    have none; ``diagram`` is where it stands among the published stars of its ``field``:
    ``colour``, ``mag`` and ``absolute`` magnitude, each None where unknown, and the ``url`` that
    has the diagram. It is None where no catalogue in use has colours.
    """
    matches, colours = published_matches_of(list(candidates.values())), colour_catalogue()
    return {
        pk: {
            "published": _lines(matches[pk]),
            "diagram": colours and _diagram(candidate, matches[pk], colours.published),
        }
        for pk, candidate in candidates.items()
    }


def _lines(matches) -> list[str]:
    """What is said by catalogues that have a star, and then of those that have none."""
    lines = [match_text(match) for match in matches if match.best.star_id is not None]
    for state in (MatchState.NO_COUNTERPART, MatchState.NOT_COVERED):
        names = [one.catalogue.name for one in matches if one.best.state == state]
        lines += [f"{state.label}: {', '.join(names)}"] if names else []
    return lines


def match_text(match) -> str:
    """The star that a published catalogue has for a candidate, on one line."""
    name = match.catalogue.name
    if match.is_untold:
        return f"{name}: could be {match.possible}"
    star, agreement = match.star, match.agreement
    is_compared = agreement != PeriodAgreement.NONE
    period = star.period and f"{star.period:.6g} d{f' ({agreement})' if is_compared else ''}"
    mag = star.mag is not None and f"{match.catalogue.bands[0]} {star.mag:.2f}"
    distance = f"{match.best.separation:.2f}″"
    said = (star.var_class, period, match.name, mag, distance)
    return f"{name}: {', '.join(part for part in said if part)}"


def _diagram(candidate, matches, published):
    """Where a candidate stands; its magnitude is that of the star that it is taken for."""
    of_colours = (one for one in matches if one.catalogue.pk == published.pk)
    match = next((one for one in of_colours if one.best.state == MatchState.MATCHED), None)
    return {
        "field": candidate.catalogue_id,
        "url": reverse("candidate_published", args=[candidate.pk]),
        "colour": candidate.colour_mag,
        "mag": match and match.star.mag,
        "absolute": candidate.absolute_mag,
    }
