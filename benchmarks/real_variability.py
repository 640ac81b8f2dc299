"""What statistics over all epochs say of the stars of a processed series."""

import numpy as np
from real_series import SELECTION, reference_stars

from variables.models import GalVariability, VariabilityFlag
from variables.science.variability.options import VariabilityOptions

MAX_FALSE_ALARM = VariabilityOptions().max_false_alarm
TRADING = VariabilityFlag.BLENDED | VariabilityFlag.TRADES


def variability_figures(known, variables=()):
    """How many stars vary, how many of these follow the seeing, and the rank of ``known`` sources.

    The rank is that of the best of them among all stars, and among those that are clean: without a
    flag on the reference, nor a neighbour that trades flux with them, and with a share of their
    stamp's light that selection asks for; of these, too, without sources that are known to vary,
    ``variables``.
    """
    columns = ("refsource_id", "false_alarm", "flags")
    rows = np.array(list(GalVariability.objects.values_list(*columns)), float).reshape(-1, 3)
    source, chance, flags = rows.T
    flags, varies = flags.astype(int), chance <= MAX_FALSE_ALARM
    stars = reference_stars()
    place = np.searchsorted(stars["refsource_id"], source)
    place[place == len(stars)] = 0
    of_reference = stars[place]
    clean = (of_reference["refsource_id"] == source) & (of_reference["flags"] == 0)
    clean &= (of_reference["fracflux"] >= SELECTION.min_fracflux) & ((flags & TRADING) == 0)
    own = np.isin(source, known)
    others = np.isin(source, variables)
    best = chance[own].min(initial=np.inf)
    return {
        "stars": len(rows),
        "varying": int(varies.sum()),
        "varying_with_seeing": int((varies & ((flags & VariabilityFlag.FOLLOWS) > 0)).sum()),
        "known_false_alarm": float(best) if np.isfinite(best) else None,
        "known_rank": int((chance < best).sum()) + 1,
        "known_clean_rank": int((chance[clean] < best).sum()) + 1,
        "known_rank_but_for_variables": int((chance[clean & ~others] < best).sum()) + 1,
    }
