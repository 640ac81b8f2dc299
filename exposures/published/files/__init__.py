"""Tables in files of any format, opened and read a part at a time as Arrow tables."""

from exposures.published.files.formats import expanded, open_table_file
from exposures.published.files.opened import OpenTable

__all__ = ["OpenTable", "expanded", "open_table_file"]
