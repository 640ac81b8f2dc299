"""How much likelier a star is a known variable that seems to vary, or does not."""

import numpy as np

from exposures.science.arrays import FloatArray

# Probabilities of variables are as a Beta distribution has them, those of constant stars uniform.
KAPPA = 0.2
LEAST = 1e-4  # what blends and bad pixels make of constant stars is no rarer


def log_odds_of(false_alarm: FloatArray) -> FloatArray:
    """(n,) natural log of how much likelier stars are variables than before they were measured.

    ``false_alarm`` (n,) are probabilities with which constant stars vary as much; 0 where it is
    NaN. The Bayes factor of a p-value, kappa p^(kappa - 1) (Sellke, Bayarri & Berger 2001, The
    American Statistician 55, 62, section 3.2).
    """
    log_p = np.log(np.clip(false_alarm, LEAST, 1.0))
    return np.nan_to_num(np.log(KAPPA) + (KAPPA - 1) * log_p)
