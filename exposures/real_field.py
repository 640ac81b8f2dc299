"""A column of single precision."""

from django.db import models


class RealField(models.FloatField):
    """A single-precision float, enough for what is measured on pixels, at half the size."""

    def db_type(self, connection):
        return "real"
