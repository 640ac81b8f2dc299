"""The form of a new token."""

from django import forms

from galproject.models import ApiToken

LASTS = [(30, "30 days"), (90, "90 days"), (365, "a year")]


class TokenForm(forms.Form):
    """A new token's name and lifetime."""

    name = forms.CharField(
        max_length=ApiToken.NAME_LENGTH,
        label="What it is for",
        widget=forms.TextInput(attrs={"placeholder": "notebook", "autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(label="Lasts", choices=LASTS, coerce=int, initial=90)
