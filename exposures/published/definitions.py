"""Definitions of published catalogues: where each is published, and what its columns are called.

Each is a TOML file: those beside this module, in ``catalogues/``, or one that a person writes.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from exposures.errors import InputFileError
from exposures.published.parts import BandName, Definition, Magnitude, Text
from exposures.published.photometry import Colour, Photometry, System, Transformation
from exposures.published.targets import TARGETS
from exposures.published_catalogues import PublishedKind

FOLDER = Path(__file__).with_name("catalogues")
HOW_TO = "docs/catalogues.md says how such a file is written"
# Of a name, since tables and file names are made of it.
CatalogueName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Degrees = Annotated[float, Field(ge=-360, le=360)]


class Condition(Definition):
    """Rows in which another column has one of some values."""

    columns: list[Text] = Field(alias="from", min_length=1)
    """Names of the column, best first."""
    values: list[str] = Field(alias="is", min_length=1)


class Column(Definition):
    """Where a column of published stars is found in a table."""

    columns: list[Text] = Field(alias="from", min_length=1)
    """Names that it goes by, best first. One of several words is several columns joined by blanks,
    as RAh RAm RAs; NAME[2] is the third element of an array."""
    unit: str = ""
    """Of the numbers where the file doesn't say; by default that of the column. hms and dms are
    sexagesimal, JD a Julian date, S/N the inverse of a relative error, 1/d a frequency."""
    null: list[float | str] = []
    """Values that stand for none, besides NaN and blanks."""
    unless: Condition | None = None
    """Rows in which it is none."""
    prefix: str = ""
    """Written before texts, such as OGLE-."""


class Band(Definition):
    """A band's magnitude, or its flux, and the error; of both, the flux tells the error alone."""

    name: BandName
    mag: Column | None = None
    mag_err: Column | None = None
    flux: Column | None = None
    flux_err: Column | None = None
    zero_point: Magnitude = 0.0
    """Magnitude of flux 1."""
    system: System | None = None
    """What has a magnitude of 0: AB or Vega; none: as the catalogue says for all its bands."""

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.mag is None and self.flux is None:
            raise ValueError("a band has mag or flux")
        if self.mag and self.flux and (self.mag_err or not self.flux_err):
            raise ValueError("a band has either mag or flux, or both and flux_err, but no mag_err")
        return self


class Range(Definition):
    """Magnitudes at brightest and faintest, from which the amplitude follows."""

    brightest: Column
    faintest: Column
    is_amplitude: Condition | None = None
    """Rows in which faintest is the amplitude itself."""


class Table(Definition):
    """One kind of table of a catalogue: the stars themselves, or more about them."""

    title: Text
    joined: bool = False
    """Whether it has no positions: its rows say more of stars of the catalogue, by their names."""
    lines: str = ""
    """Of text without headings: a regular expression (RE2) with a named group for each column."""
    marked_by: list[Text] = []
    """Columns by which a file is known to be this table, where its others don't tell."""
    columns: dict[str, Column]
    bands: list[Band] = []
    range: Range | None = None
    extras: list[Text] = []
    """Columns to keep as they are, where the table has them."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if unknown := sorted(set(self.columns) - set(TARGETS)):
            raise ValueError(f"no column of published stars: {', '.join(unknown)}")
        needed = {"name"} if self.joined else {"ra", "dec"}
        if missing := sorted(needed - set(self.columns)):
            raise ValueError(f"columns.{missing[0]} is missing")
        return self


class Box(Definition):
    """A part of the sky within limits in ICRS degrees; ra_min may be larger than ra_max."""

    ra_min: Degrees
    ra_max: Degrees
    dec_min: Degrees
    dec_max: Degrees


class CatalogueDefinition(Definition):
    """A published catalogue, and how to read its files."""

    name: CatalogueName
    title: Text
    kind: PublishedKind
    version: Annotated[str, StringConstraints(max_length=40)] = ""
    """Of the catalogue; "": the day of its newest file, for one that grows."""
    url: str = ""
    download: str = ""
    """Which files to get there."""
    epoch: Annotated[float, Field(ge=1800, le=2200)]
    """Julian year of positions where rows have none."""
    position_err: Annotated[float, Field(ge=0, le=3600)]
    """Error of positions on one axis where rows have none, arcsec."""
    footprint: Literal["all sky"] | Box | None = None
    """What it covers; none: where it has stars."""
    depth: Magnitude | None = None
    """Magnitude of the main band to which it is complete, where that can't be measured."""
    system: System | None = None
    """What has a magnitude of 0 in its bands: AB or Vega; none: that isn't known."""
    colour: Colour | None = None
    """Two bands whose difference tells stars apart by their colours."""
    nearest: dict[BandName, BandName] = {}
    """By filter of the survey that it doesn't have: the band nearest to it."""
    transformations: list[Transformation] = []
    """To filters of the survey that it doesn't have."""
    tables: list[Table] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_stars(self) -> Self:
        if all(table.joined for table in self.tables):
            raise ValueError("no table has positions")
        if unknown := sorted(self.photometry.used_bands() - set(self.bands)):
            raise ValueError(f"no band of its tables: {', '.join(unknown)}")
        return self

    @property
    def bands(self) -> list[str]:
        """Names of the bands of all tables, the main one first."""
        names = [band.name for table in self.tables for band in table.bands]
        return list(dict.fromkeys(names))

    @property
    def photometry(self) -> Photometry:
        """What its magnitudes are."""
        said = {band.name: band.system for table in self.tables for band in table.bands}
        systems = {name: system or self.system for name, system in said.items()}
        return Photometry(
            systems={name: system for name, system in systems.items() if system},
            colour=self.colour,
            nearest=self.nearest,
            transformations=self.transformations,
        )

    @property
    def reading(self) -> dict:
        """How its files are read, as JSON: all but what its magnitudes are."""
        of_bands = {"tables": {"__all__": {"bands": {"__all__": {"system"}}}}}
        left_out = dict.fromkeys(("system", "colour", "nearest", "transformations"), True)
        return self.model_dump(mode="json", by_alias=True, exclude=of_bands | left_out)


def read_definition(path: Path) -> CatalogueDefinition:
    """Read a definition; raises InputFileError that names the file and what is wrong in it."""
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
        return CatalogueDefinition.model_validate(values)
    except OSError as error:
        raise InputFileError(path, error.strerror, "Name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputFileError(path, f"no TOML: {error}", HOW_TO) from error
    except ValidationError as error:
        raise InputFileError(path, _in_words(error), HOW_TO) from error


def known_definitions() -> dict[str, CatalogueDefinition]:
    """The definitions that come with galproject, by name."""
    found = map(read_definition, sorted(FOLDER.glob("*.toml")))
    return {definition.name: definition for definition in found}


def _in_words(error):
    """All that pydantic found, each with its place in the file."""
    faults = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return "; ".join(faults)
