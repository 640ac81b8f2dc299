"""Shares by magnitude, crowding, amplitude and significance, as numbers for a template's SVG."""

from dataclasses import dataclass

from galproject.models import InjectionSummary

WIDTH, HEIGHT = 620.0, 220.0  # of one chart's axes
N_SHAPES, N_COLOURS = 4, 3
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
SPREAD = 0.5  # of a bin, in which the marks of several series stand side by side


@dataclass(frozen=True)
class Chart:
    """What is drawn: a quantity along one of its ranges, in series by another."""

    title: str
    quantity: str
    along: str  # magnitude or sigma
    by: str  # crowding or amplitude
    x: str  # label


CHARTS = (
    Chart(
        "Stars found on the reference, by crowding",
        "completeness",
        "magnitude",
        "crowding",
        "true magnitude",
    ),
    Chart(
        "Changes found, by amplitude",
        "variables_found",
        "magnitude",
        "amplitude",
        "true magnitude on the reference",
    ),
    Chart(
        "Changes found, by crowding",
        "variables_found",
        "sigma",
        "crowding",
        "expected significance (sigma)",
    ),
    Chart(
        "Purity: changes found that were put in",
        "purity",
        "magnitude",
        "crowding",
        "true magnitude on the reference",
    ),
)


@dataclass(frozen=True)
class Mark:
    """A share in one bin, with its 68 % interval."""

    x: float
    y: float
    low: float  # y of the interval's lower end
    high: float
    bin: str
    text: str


@dataclass(frozen=True)
class Series:
    """The shares of one crowding or amplitude."""

    label: str
    number: int
    marks: tuple[Mark, ...]

    @property
    def shape(self) -> int:
        return self.number % N_SHAPES

    @property
    def colour(self) -> int:
        return self.number % N_COLOURS

    @property
    def line(self) -> str:
        """The points of the line through the marks."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


@dataclass(frozen=True)
class DrawnChart:
    """A chart with its bins along x, which are drawn equally wide."""

    chart: Chart
    bins: tuple[tuple[float, str], ...]  # x of the middle, and the range
    series: tuple[Series, ...]
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [(HEIGHT * (1 - share), f"{100 * share:.0f} %") for share in TICKS]


def charts_of(summary: InjectionSummary) -> list[DrawnChart]:
    """The charts of a run, those that have anything."""
    drawn = (_drawn(chart, summary.rows) for chart in CHARTS)
    return [one for one in drawn if one.series]


def _drawn(chart, rows):
    chosen = [
        row
        for row in rows
        if row["quantity"] == chart.quantity
        and row[chart.along] != [None, None]
        and row["value"] is not None
        and (chart.by == "crowding" or row["amplitude"] is not None)
    ]
    if chart.by == "crowding":
        chosen = [row for row in chosen if row["amplitude"] is None]
    ranges = sorted({tuple(row[chart.along]) for row in chosen}, key=lambda ends: ends[0] or 0)
    step = WIDTH / max(len(ranges), 1)
    names = list(dict.fromkeys(row[chart.by] for row in chosen))
    series = [
        Series(
            _label(chart, name),
            number,
            tuple(
                _mark(row, ranges.index(tuple(row[chart.along])), step, number, len(names), chart)
                for row in chosen
                if row[chart.by] == name
            ),
        )
        for number, name in enumerate(names)
    ]
    bins = tuple(((k + 0.5) * step, _range(ends)) for k, ends in enumerate(ranges))
    return DrawnChart(chart, bins, tuple(series))


def _label(chart, name):
    return f"{name:g} mag" if chart.by == "amplitude" else name


def _range(ends):
    low, high = ends
    return f"{low:g}+" if high is None else f"{low:g}–{high:g}"


def _mark(row, k, step, number, n, chart):
    aside = SPREAD * ((number + 0.5) / n - 0.5)
    ends = [row["value"] if row[name] is None else row[name] for name in ("low", "high")]
    text = f"{100 * row['value']:.0f} % ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})"
    return Mark(
        x=(k + 0.5 + aside) * step,
        y=HEIGHT * (1 - row["value"]),
        low=HEIGHT * (1 - ends[0]),
        high=HEIGHT * (1 - ends[1]),
        bin=_range(row[chart.along]),
        text=f"{text} of {row['n']:,}",
    )
