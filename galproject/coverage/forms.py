"""What is asked of the survey on the sky."""

from django import forms

from exposures.input.form_fields import FloatField
from exposures.lookup import filters_in_use

MAX_RADIUS = 6.0  # degrees in which chips are drawn
FRAMES = [("galactic", "Galactic"), ("equatorial", "equatorial")]
COLOURS = [("visits", "number of visits"), ("stars", "stars on the references")]


class CoverageForm(forms.Form):
    """The filters that are drawn, how positions are told, and what colours mean."""

    filter = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    frame = forms.ChoiceField(required=False, choices=FRAMES, label="coordinates")
    colour = forms.ChoiceField(required=False, choices=COLOURS, label="colours")

    def __init__(self, data):
        super().__init__(data)
        self.fields["filter"].choices = [(name, name) for name in filters_in_use()]


class ChipsForm(forms.Form):
    """A part of the sky of which the chips are drawn."""

    ra = FloatField(min_value=0, max_value=360)
    dec = FloatField(min_value=-90, max_value=90)
    radius = FloatField(min_value=0, max_value=MAX_RADIUS)
    filter = forms.MultipleChoiceField(required=False)

    def __init__(self, data):
        super().__init__(data)
        self.fields["filter"].choices = [(name, name) for name in filters_in_use()]
