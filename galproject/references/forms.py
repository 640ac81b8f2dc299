"""Forms for choosing references."""

from django import forms

from exposures.input.form_fields import FloatField, IntegerField, refusal
from exposures.lookup import filters_in_use
from exposures.science.positions import PositionError, read_position
from galproject.configuration.loading import load_options
from galproject.references.patches import SkyPatch
from variables.candidates.filter_fields import PositionField


class BlinkForm(forms.Form):
    """Two exposures by their ids, and the position round which they are looked at."""

    a = IntegerField(min_value=1)
    b = IntegerField(min_value=1)
    position = PositionField(required=False, max_length=80)


class PatchForm(forms.Form):
    """A position, a filter, and the radius within which exposures are centred."""

    position = forms.CharField(max_length=80, help_text="266.417 -29.008 or 17:45:40 -29:00:28")
    filter = forms.ChoiceField()
    radius = FloatField(min_value=0.01, max_value=3, required=False, label="Radius (degrees)")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["filter"].choices = [(name, name) for name in filters_in_use()]

    def clean_position(self):
        """Right ascension and declination of the position, ICRS degrees."""
        try:
            return read_position(self.cleaned_data["position"])
        except PositionError as error:
            raise refusal(str(error)) from error

    def patch(self) -> SkyPatch | None:
        """The requested patch; None if invalid."""
        if not self.is_valid():
            return None
        radius = self.cleaned_data["radius"] or load_options().fields.compared_degrees
        return SkyPatch(*self.cleaned_data["position"], radius, self.cleaned_data["filter"])


class ChoiceForm(forms.Form):
    """The chips that become references, the fate of the old ones, and the reason."""

    KEEP, WITHDRAW = "keep", "withdraw"

    image = forms.TypedMultipleChoiceField(coerce=int)
    # Nothing is chosen before somebody chooses; without an old reference there is no choice.
    old = forms.ChoiceField(
        choices=[
            (KEEP, "Keep it as a further reference"),
            (WITHDRAW, "Make it a search image again"),
        ],
        required=False,
    )
    reason = forms.CharField(max_length=300, error_messages={"required": "Say why."})
    # Of the references that the page showed, as others may have been chosen since.
    known = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    def __init__(self, *args, images=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["image"].choices = [(image.pk, image.chip_name) for image in images]


class MemberForm(forms.Form):
    """The exposures that join or leave a reference set, and the reason."""

    ADD, REMOVE = "add", "remove"

    action = forms.ChoiceField(choices=[(ADD, "Add"), (REMOVE, "Remove")])
    member = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "Tick an exposure."}
    )
    reason = forms.CharField(max_length=300, error_messages={"required": "Say why."})

    def __init__(self, *args, exposures=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["member"].choices = [(exposure.pk, str(exposure)) for exposure in exposures]
