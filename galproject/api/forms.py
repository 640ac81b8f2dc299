"""What somebody says of a token that they make."""

from django import forms

from galproject.models import ApiToken

LASTS = [(30, "30 days"), (90, "90 days"), (365, "a year")]


class TokenForm(forms.Form):
    """A new token: what it is for, and for how long."""

    name = forms.CharField(
        max_length=ApiToken.NAME_LENGTH,
        label="What it is for",
        widget=forms.TextInput(attrs={"placeholder": "notebook", "autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(label="Lasts", choices=LASTS, coerce=int, initial=90)
