"""Answers of the survey's cone searches, as tables."""

import io
import warnings

from astropy.io.votable import parse
from astropy.table import Table

from galproject_client.errors import RefusedError


def table_of_cone(content: bytes) -> Table:
    """The table of a cone search's VOTable; RefusedError with its words if it has none.

    Warns where there are more rows than one answer has.
    """
    (resource,) = parse(io.BytesIO(content)).resources
    said = {info.name: info.value for info in resource.infos}
    if "Error" in said:
        raise RefusedError(said["Error"])
    table = resource.tables[0].to_table(use_names_over_ids=True)
    if said["QUERY_STATUS"] == "OVERFLOW":
        warnings.warn(
            f"There are more than these {len(table)}, the nearest: ask for a smaller radius",
            stacklevel=4,
        )
    return table
