"""The columns of published stars that are read from files, and their units."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A column of galpublishedstars."""

    unit: str  # as astropy writes it; "" for texts
    is_text: bool = False
    above: float = -float("inf")  # at and below which a value stands for none


ERROR = {"above": 0.0}
TARGETS = {
    "name": Target("", is_text=True),
    "ra": Target("deg"),
    "dec": Target("deg"),
    "epoch": Target("yr", above=0.0),
    "ra_err": Target("mas", **ERROR),
    "dec_err": Target("mas", **ERROR),
    "pmra": Target("mas/yr"),
    "pmdec": Target("mas/yr"),
    "pmra_err": Target("mas/yr", **ERROR),
    "pmdec_err": Target("mas/yr", **ERROR),
    "parallax": Target("mas"),
    "parallax_err": Target("mas", **ERROR),
    "excess_noise": Target("mas"),
    "excess_noise_sig": Target(""),
    "period": Target("d", above=0.0),
    "amplitude": Target("mag", above=0.0),
    "var_class": Target("", is_text=True),
}
MAG = Target("mag", above=-50.0)
MAG_ERR = Target("mag", **ERROR)
FLUX = Target("", above=0.0)  # a magnitude needs light
