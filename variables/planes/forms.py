"""What is asked of the plane, and of the lists that are made on it."""

from urllib.parse import urlencode

import numpy as np
from django import forms
from django.db.models import Sum

from exposures.input.form_fields import FloatField, refusal
from exposures.input.numbers import NumberError, parse_number
from exposures.science.arrays import FloatArray
from photometry.models import GalReference
from photometry.querysets.sources import catalogues_touching
from variables.candidates.filter_fields import PositionField
from variables.candidates.filters import DEFAULT_RADIUS_ARCSEC, MAX_RADIUS_ARCSEC
from variables.models import GalBinnedStatistic, StarList
from variables.planes.density import Limits, Plane
from variables.variability.axes import (
    AXES,
    COLOUR,
    PERIOD_AXES,
    PUBLISHED_AXES,
    Axis,
    colour_axis,
)

X, Y = "robust_mag", "excess_mag"
MIN_CORNERS, MAX_CORNERS = 3, 300


def filters_with_statistics() -> list[tuple[str, str]]:
    """Filters of catalogues in use with statistics, as choices; those of most sources first."""
    catalogues = GalReference.objects.filter(active=True, binned_statistics__statistic=X)
    names = catalogues.values("filter").annotate(n=Sum("n_sources")).order_by("-n", "filter")
    return [(row["filter"], row["filter"]) for row in names]


def axes_in(filter) -> dict[str, Axis]:
    """All axes of stars in a filter, by name: statistics, periods, what is published, colours."""
    stored = GalBinnedStatistic.objects.filter(catalogue__active=True, catalogue__filter=filter)
    names = set(stored.exclude(statistic__in=AXES).values_list("statistic", flat=True))
    known = PERIOD_AXES | PUBLISHED_AXES
    others = (name.removeprefix(COLOUR) for name in sorted(names - known.keys()))
    colours = (colour_axis(other, filter) for other in others)
    there = {name: axis for name, axis in known.items() if name in names}
    return AXES | there | {axis.name: axis for axis in colours}


def _limit():
    return FloatField(required=False, widget=forms.HiddenInput)


class PlaneForm(forms.Form):
    """Two statistics, of the stars in a filter, round a position or in the whole survey."""

    x = forms.ChoiceField(label="across")
    y = forms.ChoiceField(label="upward")
    filter = forms.ChoiceField(choices=filters_with_statistics, required=False)
    position = PositionField(required=False, max_length=80)
    radius = FloatField(
        required=False, label="radius (″)", min_value=0.1, max_value=MAX_RADIUS_ARCSEC
    )
    # Of the window; by default it holds most stars.
    x_from, x_to, y_from, y_to = _limit(), _limit(), _limit(), _limit()

    def __init__(self, data):
        super().__init__(data)
        known = dict(self.fields["filter"].choices)
        self.axes = axes_in(data["filter"]) if data["filter"] in known else AXES
        choices = [(axis.name, axis.title) for axis in self.axes.values()]
        self.fields["x"].choices = self.fields["y"].choices = choices

    @classmethod
    def of(cls, query) -> "PlaneForm":
        """The form of a query, with what it leaves open as it is by default."""
        names = [name for name, _ in filters_with_statistics()]
        defaults = {"x": X, "y": Y, "filter": names[0] if names else ""}
        return cls(defaults | {name: value for name, value in query.items() if value})

    def plane(self) -> Plane:
        """The plane that a valid form asks for."""
        asked = self.cleaned_data
        return Plane(
            catalogue_ids=self._catalogue_ids(),
            x=self.axes[asked["x"]],
            y=self.axes[asked["y"]],
            x_limits=Limits(asked["x_from"], asked["x_to"]),
            y_limits=Limits(asked["y_from"], asked["y_to"]),
        )

    def _catalogue_ids(self):
        """Ids of catalogues in use in the filter, near the position if there is one."""
        catalogues = GalReference.objects.filter(active=True, filter=self.cleaned_data["filter"])
        if position := self.cleaned_data["position"]:
            radius = self.cleaned_data["radius"] or DEFAULT_RADIUS_ARCSEC
            catalogues = catalogues.filter(pk__in=catalogues_touching(*position, radius))
        return tuple(catalogues.order_by("pk").values_list("pk", flat=True))

    @property
    def query(self) -> str:
        """The query string of the stars and axes of a valid form, without the window."""
        names = ("x", "y", "filter", "position", "radius")
        return urlencode({name: self.data[name] for name in names if self.data.get(name)})


class StarListForm(forms.Form):
    """The name of a new list, and the corners of the polygon that its stars lie in."""

    name = forms.CharField(max_length=StarList.NAME_LENGTH)
    corners = forms.CharField(max_length=20_000)

    def clean_corners(self) -> FloatArray:
        """(k, 2) values on both axes."""
        words = self.cleaned_data["corners"].replace(",", " ").replace(";", " ").split()
        try:
            numbers = [parse_number(word) for word in words]
        except NumberError as error:
            raise refusal(f"{error}: corners are x,y x,y x,y …") from error
        if len(numbers) % 2 or not MIN_CORNERS <= len(numbers) // 2 <= MAX_CORNERS:
            raise refusal(f"A region has {MIN_CORNERS} to {MAX_CORNERS} corners: x,y x,y x,y …")
        return np.reshape(numbers, (-1, 2))
