"""Bands of published catalogues by which filters of the survey are calibrated."""

from dataclasses import dataclass

from photometry.zero_point_model import PhotometricSystem

AB, VEGA = PhotometricSystem.AB, PhotometricSystem.VEGA
# What has a magnitude of 0 in the catalogues that the project knows by name.
SYSTEMS = {"gaia_dr3": VEGA, "twomass": VEGA, "vvv": VEGA, "decaps2": AB, "ps1": AB}
# Of catalogues that have none of the survey's filters: the band nearest to each.
NEAREST = {
    "gaia_dr3": {"u": "BP", "g": "BP", "r": "G", "VR": "G", "i": "RP", "z": "RP", "Y": "RP"},
    "vvv": {"z": "Z", "Y": "Y"},
}
# Two bands whose difference is the colour of a star for a filter, the first that a catalogue has.
COLOURS = {
    "u": (("u", "g"), ("g", "r")),
    "g": (("g", "r"), ("g", "i")),
    "VR": (("g", "r"), ("g", "i")),
    "r": (("g", "r"), ("r", "i")),
    "i": (("r", "i"), ("i", "z")),
    "z": (("i", "z"), ("r", "z")),
    "Y": (("z", "Y"), ("i", "z")),
}
ANY_COLOUR = (("BP", "RP"), ("J", "Ks"))


@dataclass(frozen=True)
class Band:
    """A published band for a filter."""

    name: str
    colour: tuple[str, str] | tuple[()]  # () where the catalogue has no two bands for one
    is_other: bool  # only near the filter
    system: str  # "" if it is not known


def band_for(filter_name, catalogue_name, bands) -> Band | None:
    """The Band of a published catalogue for a filter, given its ``bands``; None without one."""
    nearest = NEAREST.get(catalogue_name)
    name = nearest.get(filter_name) if nearest else filter_name
    if name not in bands:
        return None
    tried = (*COLOURS.get(filter_name, ()), *ANY_COLOUR)
    colour = next((pair for pair in tried if set(pair) <= set(bands)), ())
    return Band(name, colour, nearest is not None, SYSTEMS.get(catalogue_name, ""))
