"""What is asked of diagrams and of the gallery beside the filters of candidates."""

from django import forms

from variables.diagrams.kinds import COLOUR_MAGNITUDE, DIAGRAMS

PEOPLE, MODEL = "people", "model"


class DiagramForm(forms.Form):
    """Which diagram is drawn, and who says of which class a candidate is."""

    diagram = forms.ChoiceField(
        choices=[(one.name, one.title) for one in DIAGRAMS.values()], required=False
    )
    by = forms.ChoiceField(
        choices=[(PEOPLE, "agreed by people"), (MODEL, "likeliest by the model")],
        required=False,
        label="classes",
    )

    @property
    def kind(self):
        """The kind of diagram of a valid form."""
        return DIAGRAMS[self.cleaned_data["diagram"] or COLOUR_MAGNITUDE.name]

    @property
    def is_by_model(self) -> bool:
        return self.cleaned_data["by"] == MODEL
