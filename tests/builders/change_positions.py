"""Places of candidates' changes, made up."""

from variables.models import GalChangePosition


def make_position(candidate, odds, doubts=0, **columns):
    """A place one pixel to the right of a candidate; ``odds`` are {refsource_id: odds}."""
    own = odds.get(candidate.pk, 0.0)
    none = 1 - sum(odds.values())
    likeliest = max(odds, key=odds.get)
    others = [[pk, share, 9.0] for pk, share in odds.items() if pk != candidate.pk]
    row = {
        "ra": candidate.ra,
        "dec": candidate.dec,
        "x": candidate.x + 1,
        "y": candidate.y,
        "x_err": 0.2,
        "y_err": 0.1,
        "xy_correlation": 0.0,
        "error_arcsec": 0.04,
        "significance": 20.0,
        "image_ids": [1, 2],
        "version": 1,
        "doubts": doubts,
        "likeliest_id": likeliest if odds[likeliest] > none else None,
        "likeliest_odds": max(odds[likeliest], none),
        "own_odds": own,
        "odds_of_none": none,
        "is_of_another": likeliest != candidate.pk and odds[likeliest] > none,
        "neighbours": [[candidate.pk, own, 12.0], *others],
    }
    return GalChangePosition.objects.create(refsource_id=candidate.pk, **row | columns)
