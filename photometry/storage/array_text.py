"""Arrays as PostgreSQL reads them."""

import numpy as np


def array_literal(values: np.ndarray) -> str:
    """A PostgreSQL array as text, because psycopg2 adapts each number by itself, slowly."""
    return f"{{{','.join(map(repr, values.tolist()))}}}"
