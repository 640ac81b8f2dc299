"""One star's light curves in all filters, as its page searches them while somebody waits."""

from dataclasses import replace

from variables.models import GalCandidate
from variables.periods.curves import direction_of, read_star_curves
from variables.periods.options import PeriodSearch
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix

# And those times epochs: a second. Where they don't suffice, the shortest periods are left out.
MOST_FREQUENCIES, MOST_SUMMED = 1_000_000, 2_000_000_000


def measured_curves(candidate: GalCandidate, search: PeriodSearch) -> CurveMatrix:
    """The epochs at which a candidate's star was measured, in order of time, as a CurveMatrix."""
    direction = direction_of(candidate.catalogue)
    curves = read_star_curves([candidate.pk], direction, search).by_time
    at = curves.is_measured[0]
    return CurveMatrix(curves.days[at], curves.band[at], curves.mag[:, at], curves.mag_err[:, at])


def within_reach(options: PeriodOptions, curves: CurveMatrix) -> PeriodOptions:
    """The same options, with a shortest period of which there are not too many frequencies."""
    most = min(MOST_FREQUENCIES, MOST_SUMMED // max(len(curves.days), 1))
    shortest = float(options.samples_per_peak * curves.span / most)
    return replace(options, min_days=max(options.min_days, shortest))
