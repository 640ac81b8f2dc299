"""Forms for flagging, and for deciding on flags."""

from django import forms

from variables.models import Artifact
from variables.regions.coverage import RegionError, parse_region


class ReasonForm(forms.Form):
    """The reason why a flag is accepted, declined or undone."""

    reason = forms.CharField(required=False, max_length=500)


class SourceFlagForm(ReasonForm):
    """The kind of artifact that a source is flagged as, and why."""

    # Nothing is chosen before somebody chooses: a flag hides stars.
    artifact = forms.ChoiceField(
        choices=[("", "choose …"), *Artifact.choices],
        error_messages={"required": "Choose what it is."},
    )


class RegionFlagForm(SourceFlagForm):
    """A region of a chip, as x, y of its corners in pixels, or the whole chip."""

    region = forms.CharField(required=False, max_length=4000)
    whole = forms.BooleanField(required=False)

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("whole"):
            cleaned["region"] = None
        elif not cleaned.get("region"):
            self.add_error("region", "Draw a region first, or choose the whole chip.")
        else:
            try:
                cleaned["region"] = parse_region(cleaned["region"])
            except RegionError as error:
                self.add_error("region", str(error))
        return cleaned


def errors_of(form):
    """The errors of a form joined into one line."""
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
