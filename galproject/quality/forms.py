"""The form of a decision on an image's quality."""

from django import forms

from exposures.doubts import GalQualityDecision


class VerdictForm(forms.Form):
    """A decision and why it is made."""

    verdict = forms.ChoiceField(choices=GalQualityDecision.Verdict)
    reason = forms.CharField(
        max_length=500, error_messages={"required": "Say why: people who come later want to know."}
    )
