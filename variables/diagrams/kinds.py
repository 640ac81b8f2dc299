"""What the diagrams of variables have on their axes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagram:
    """A kind of diagram."""

    name: str
    title: str
    x: str  # labels of the axes; {colour} and {band} stand for those of the published catalogue
    y: str
    known: tuple[str, ...]  # columns that a candidate has to have
    is_log: bool = False  # along x
    is_down: bool = True  # magnitudes
    background: str = ""  # which stored densities of stars lie below


COLOUR_MAGNITUDE = Diagram(
    "colour-magnitude",
    "Colour and magnitude",
    "{colour} (mag)",
    "{band} (mag)",
    ("colour_mag",),
    background="apparent",
)
ABSOLUTE = Diagram(
    "absolute",
    "Colour and absolute magnitude",
    "{colour} (mag)",
    "absolute {band} (mag)",
    ("colour_mag", "absolute_mag"),
    background="absolute",
)
PERIOD_LUMINOSITY = Diagram(
    "period-luminosity",
    "Period and luminosity",
    "period (days)",
    "calibrated magnitude, mean (mag)",
    ("period_days",),
    is_log=True,
)
PERIOD_AMPLITUDE = Diagram(
    "period-amplitude",
    "Period and amplitude",
    "period (days)",
    "amplitude, 5th to 95th percentile (mag)",
    ("period_days", "amplitude_mag"),
    is_log=True,
    is_down=False,
)
DIAGRAMS = {
    one.name: one for one in (COLOUR_MAGNITUDE, ABSOLUTE, PERIOD_LUMINOSITY, PERIOD_AMPLITUDE)
}
