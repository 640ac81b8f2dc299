"""Forms of the status pages."""

from django import forms

from exposures.errors import GalprojectError
from exposures.input.form_fields import IntegerField, refusal
from galproject.status.time_arguments import parse_time
from galproject.status.working_status import State, StatusQuery

AGES = ("1h", "6h", "1d", "7d", "30d")


class TimeArgumentField(forms.CharField):
    """A time in UTC, as an age or a date."""

    def __init__(self, **options):
        hints = {"list": "ages", "placeholder": "2h, 1d or 2026-11-23", "autocomplete": "off"}
        widget = forms.TextInput(attrs=hints | {"size": 20})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value):
        text = super().clean(value)
        try:
            return parse_time(text) if text else None
        except GalprojectError as error:
            raise refusal(str(error)) from error


class StatusFilterForm(forms.Form):
    """The selection of exposures in the working status."""

    since = TimeArgumentField(label="Open or ended since (UTC)")
    until = TimeArgumentField(label="Asked for before (UTC)")
    exposure = forms.CharField(
        required=False, max_length=100, widget=forms.TextInput(attrs={"placeholder": "its name"})
    )
    state = forms.MultipleChoiceField(
        label="With chips that are",
        required=False,
        choices=State.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    doubted = forms.BooleanField(label="With doubted chips", required=False)
    before = IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    ages = AGES

    def query(self) -> StatusQuery | None:
        """The StatusQuery; None if the form is invalid."""
        if not self.is_valid():
            return None
        cleaned = self.cleaned_data
        return StatusQuery(
            since=cleaned["since"],
            until=cleaned["until"],
            states=tuple(cleaned["state"]),
            identifier=cleaned["exposure"],
            doubted=cleaned["doubted"],
            before=cleaned["before"],
        )
