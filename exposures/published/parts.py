"""What all parts of a definition of a published catalogue have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Magnitude = Annotated[float, Field(ge=-100, le=100)]
BandName = Annotated[str, StringConstraints(min_length=1, max_length=20)]


class Definition(BaseModel):
    """A part of a definition: nothing may stand there that isn't known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
