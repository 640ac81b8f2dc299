"""The form by which a list is uploaded."""

from django import forms

from exposures.input.form_fields import FloatField
from variables.models import UploadedList
from variables.uploads.files import entries_of
from variables.uploads.lines import UploadError
from variables.uploads.lines import entries_of as entries_of_text

DEFAULT_RADIUS_ARCSEC, MAX_RADIUS_ARCSEC = 1.0, 60.0
# Of all that a browser sends the web server takes some more, and Django of text somewhat less.
MAX_FILE_BYTES = 4_000_000
MAX_TEXT = 2_400_000


class UploadForm(forms.Form):
    """A list, pasted or as a file, and the radius within which its positions match."""

    name = forms.CharField(max_length=UploadedList.NAME_LENGTH)
    radius = FloatField(
        required=False,
        initial=DEFAULT_RADIUS_ARCSEC,
        min_value=0.1,
        max_value=MAX_RADIUS_ARCSEC,
        label="radius (″)",
    )
    file = forms.FileField(required=False, allow_empty_file=True)
    text = forms.CharField(
        required=False,
        max_length=MAX_TEXT,
        label="or paste it here",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def clean_radius(self):
        return self.cleaned_data["radius"] or DEFAULT_RADIUS_ARCSEC

    def clean(self):
        cleaned = super().clean()
        file, text = cleaned.get("file"), cleaned.get("text")
        if bool(file) == bool(text):
            raise forms.ValidationError("Choose a file, or paste lines: one of both")
        if file and file.size > MAX_FILE_BYTES:
            most = f"{MAX_FILE_BYTES / 1e6:g} MB"
            raise forms.ValidationError(
                f"{file.name} is larger than {most}: keep the ids or positions alone, or save it "
                "as FITS"
            )
        try:
            cleaned["entries"] = entries_of(file.name, file.read()) if file else _pasted(text)
        except UploadError as error:
            raise forms.ValidationError("%(words)s", params={"words": str(error)}) from error
        return cleaned


def _pasted(text):
    return entries_of_text(text)
