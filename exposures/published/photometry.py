"""What a published catalogue's magnitudes are: their systems, and their way to the survey's."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from exposures.published.parts import BandName, Definition, Magnitude, Text

System = Literal["AB", "Vega"]
Colour = tuple[BandName, BandName]
Coefficients = Annotated[list[Annotated[float, Field(ge=-100, le=100)]], Field(min_length=1)]
Scatter = Annotated[float, Field(gt=0, le=10)]


class Transformation(Definition):
    """A band of the survey from one of the catalogue: band + sum_k coefficients[k] colour^k."""

    filter: BandName
    """The survey's."""
    band: BandName
    """Of the catalogue."""
    colour: Colour
    """Two of its bands, whose difference is the colour."""
    coefficients: Coefficients
    """Of the powers 0, 1, ... of the colour, mag."""
    range: tuple[Magnitude, Magnitude]
    """Least and largest colour for which it holds."""
    scatter: Scatter
    """Mag, of stars about it as its source states it."""
    system: System = "AB"
    """What has a magnitude of 0 in the result."""
    source: Text
    """Where it is published."""

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise ValueError("the range of colours is empty")
        return self


class Photometry(Definition):
    """What is known of a catalogue's magnitudes beside their names."""

    systems: dict[BandName, System] = {}
    """By band; of others it is not known."""
    colour: Colour | None = None
    """Two bands whose difference tells stars apart by their colours, for filters of other names."""
    nearest: dict[BandName, BandName] = {}
    """By filter of the survey: the band nearest to it, of those that it doesn't have itself."""
    transformations: list[Transformation] = []

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        filters = [one.filter for one in self.transformations]
        if len(set(filters)) < len(filters):
            raise ValueError("transformations: two for one filter")
        return self

    def used_bands(self) -> set[str]:
        """Names of all bands of the catalogue that it tells of."""
        names = {*self.systems, *(self.colour or ()), *self.nearest.values()}
        for one in self.transformations:
            names |= {one.band, *one.colour}
        return names

    def transformation_to(self, filter_name: str) -> Transformation | None:
        """The one that gives a filter of the survey; None without one."""
        return next((one for one in self.transformations if one.filter == filter_name), None)
