"""The list of flags: its filters, and its pages by keyset."""

from dataclasses import dataclass

import django_filters
from django import forms

from variables.models import Artifact, GalFlag

PAGE = 50


class FlagFilter(django_filters.FilterSet):
    """Flags by state, artifact, person, exposure and group."""

    state = django_filters.MultipleChoiceFilter(
        choices=GalFlag.State, widget=forms.CheckboxSelectMultiple
    )
    artifact = django_filters.ChoiceFilter(choices=Artifact, empty_label="any")
    who = django_filters.CharFilter(method="by_person", label="who", max_length=150)
    exposure = django_filters.CharFilter(method="on_exposure", label="exposure", max_length=100)
    group = django_filters.CharFilter(widget=forms.HiddenInput)

    class Meta:
        model = GalFlag
        fields = ["state", "artifact", "who", "exposure", "group"]

    def by_person(self, flags, _, name):
        return flags.by_person(name)

    def on_exposure(self, flags, _, identifier):
        return flags.on_exposure(identifier)


@dataclass(frozen=True)
class FlagPage:
    """A page of the list, newest first."""

    flags: tuple[GalFlag, ...]
    before: int | None  # the key that the next page begins before; None on the last


def page_of_flags(flags, before=None, size=PAGE) -> FlagPage:
    """The newest flags that were made before the one with a key."""
    if before is not None:
        flags = flags.filter(pk__lt=before)
    found = list(flags.with_people().order_by("-pk")[: size + 1])
    return FlagPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)
