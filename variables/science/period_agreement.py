"""Periods of stars compared with those that others published."""

from enum import StrEnum, unique

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from variables.science.periodicity.aliases import SPACINGS

N_SIGMA = 3.0  # of our errors, within which periods agree
AS_PUBLISHED = 1e-3  # of the period, to which published ones are taken to be right
AS_PUBLISHED_FREQUENCY = 1e-3  # cycles a day, beyond which that would make aliases of too much


@unique
class PeriodAgreement(StrEnum):
    """What a period is of a published one."""

    NONE = "none"
    AGREES = "agrees"
    DOUBLE = "2:1"
    HALF = "1:2"
    ALIAS = "alias"
    DIFFERS = "differs"

    @property
    def label(self) -> str:
        """It in words, as follow "the period"."""
        return LABELS[self]


LABELS = {
    PeriodAgreement.NONE: "is not known on both sides",
    PeriodAgreement.AGREES: "agrees with the published one",
    PeriodAgreement.DOUBLE: "is twice the published one",
    PeriodAgreement.HALF: "is half of the published one",
    PeriodAgreement.ALIAS: "is an alias of the published one, by the day, month or year",
    PeriodAgreement.DIFFERS: "is another than the published one",
}


def compare_periods(days: FloatArray, error: FloatArray, published: FloatArray) -> np.ndarray:
    """(n,) what periods (n,) days with errors (n,) days are of ``published`` ones (n,) days.

    Values of PeriodAgreement: NONE where one of both is NaN or not positive. They agree within
    N_SIGMA errors, or AS_PUBLISHED of the period, as published periods have few digits and errors
    are not stated; an error of NaN counts as 0. The frequency of an alias differs from the
    published one, or from its negative, by one of the sampling's (as in ``aliases``).
    """
    days, error, published = (np.asarray(a, float) for a in (days, error, published))
    with np.errstate(invalid="ignore", divide="ignore"):
        is_known = (days > 0) & (published > 0)
        near = np.maximum(N_SIGMA * np.nan_to_num(error) / days, AS_PUBLISHED)
        ratio = days / published

        def is_ratio(number: float) -> BoolArray:
            return is_known & (np.abs(ratio / number - 1) <= near)

        kinds = {
            PeriodAgreement.AGREES: is_ratio(1.0),
            PeriodAgreement.DOUBLE: is_ratio(2.0),
            PeriodAgreement.HALF: is_ratio(0.5),
            PeriodAgreement.ALIAS: is_known & _are_aliases(days, error, published),
            PeriodAgreement.DIFFERS: is_known,
        }
    values = [kind.value for kind in kinds]
    return np.select(list(kinds.values()), values, PeriodAgreement.NONE.value)


def _are_aliases(days: FloatArray, error: FloatArray, published: FloatArray) -> BoolArray:
    """(n,) whether frequencies differ from published ones as the sampling makes it."""
    frequency, own = 1 / days, 1 / published
    near = np.maximum(
        N_SIGMA * np.nan_to_num(error) * frequency**2,
        np.minimum(AS_PUBLISHED * frequency, AS_PUBLISHED_FREQUENCY),
    )
    spacings = np.concatenate(list(SPACINGS.values()))
    shifted = np.concatenate([own[:, None] + spacings, own[:, None] - spacings], axis=1)
    return np.any(np.abs(frequency[:, None] - np.abs(shifted)) <= near[:, None], axis=1)
