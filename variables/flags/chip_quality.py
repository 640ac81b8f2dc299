"""The quality of a chip as its page shows it: figures beside limits, and people's decisions."""

from dataclasses import dataclass

from exposures.doubts import GalQualityDecision
from photometry.science.quality.image_quality import FIGURES


@dataclass(frozen=True)
class FigureRow:
    """One figure of an image, with its limits in words."""

    label: str  # with the unit
    value: str
    doubt_limit: str
    fail_limit: str
    state: str  # "fine", "doubted" or "failed"
    verdict: str  # the same for people


@dataclass(frozen=True)
class ChipQuality:
    """The figures of an image's quality, and people's decisions on it."""

    rows: tuple[FigureRow, ...]  # those beyond a limit first
    decisions: tuple[GalQualityDecision, ...]  # the newest first

    @property
    def beyond(self):
        """The number of figures beyond a limit."""
        return sum(row.state != "fine" for row in self.rows)


VERDICTS = {"failed": "fails", "doubted": "doubted", "fine": "fine"}


def chip_quality(image) -> ChipQuality:
    """The figures of an image with the limits it was judged by, and people's decisions."""
    limits = (image.options or {}).get("quality", {})
    rows = [
        _row(name, image.figures[name], limits.get("doubt", {}), limits.get("fail", {}))
        for name in FIGURES
        if name in image.figures
    ]
    order = list(VERDICTS)
    rows.sort(key=lambda row: order.index(row.state))
    decisions = image.quality_decisions.select_related("user").order_by("-pk")
    return ChipQuality(tuple(rows), tuple(decisions))


def _row(name, value, doubt, fail):
    figure = FIGURES[name]
    limits = doubt.get(name), fail.get(name)
    is_beyond = [limit is not None and figure.misses(value, limit) for limit in limits]
    state = "failed" if is_beyond[1] else "doubted" if is_beyond[0] else "fine"
    return FigureRow(
        f"{figure.label}, {figure.unit}" if figure.unit else figure.label,
        *(figure.number(known) for known in (value, *limits)),
        state,
        VERDICTS[state] if value is not None else "not known",
    )
