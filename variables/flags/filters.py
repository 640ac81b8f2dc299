"""The filters of the list of flags."""

import django_filters
from django import forms

from variables.models import Artifact, GalFlag


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
