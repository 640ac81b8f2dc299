"""Forms of quality: a decision on an image, and what pictures of it show."""

from django import forms

from exposures.doubts import GalQualityDecision
from exposures.input.form_fields import FloatField
from exposures.lookup import filters_in_use
from galproject.quality.quantities import ON_CHIPS

DEFAULT_DAYS = 180
MIN_MJD, MAX_MJD = 0.0, 1e6


class VerdictForm(forms.Form):
    """A decision and why it is made."""

    verdict = forms.ChoiceField(choices=GalQualityDecision.Verdict)
    reason = forms.CharField(
        max_length=500, error_messages={"required": "Say why: people who come later want to know."}
    )


class OverTimeForm(forms.Form):
    """The exposures of which the quality is drawn over time."""

    filter = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    days = forms.TypedChoiceField(
        coerce=int,
        required=False,
        empty_value=DEFAULT_DAYS,
        choices=[(1, "a night"), (30, "30 days"), (180, "180 days"), (3650, "ten years")],
    )
    until = FloatField(min_value=MIN_MJD, max_value=MAX_MJD, required=False, label="up to MJD")

    def __init__(self, data):
        super().__init__(data if data else {"days": DEFAULT_DAYS})
        self.fields["filter"].choices = [(name, name) for name in filters_in_use()]


class FigureForm(forms.Form):
    """The figure by which chips are coloured."""

    figure = forms.ChoiceField(
        required=False, choices=[(one.name, one.heading) for one in ON_CHIPS], label="colour by"
    )
