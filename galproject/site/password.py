"""The change of one's password, and its effect on tokens."""

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.template.defaultfilters import pluralize


class PasswordForm(PasswordChangeForm):
    """A new password, and for users with tokens whether these are revoked."""

    end_tokens = forms.BooleanField(required=False, initial=True)

    def __init__(self, user, *args, **kwargs):
        super().__init__(user, *args, **kwargs)
        n_tokens = user.api_tokens.live().count()
        if n_tokens:
            label = f"End my {n_tokens} API token{pluralize(n_tokens)}, too"
            self.fields["end_tokens"].label = label
        else:
            del self.fields["end_tokens"]

    def save(self, commit=True):
        self.user.keeps_tokens = not self.cleaned_data.get("end_tokens", True)
        return super().save(commit)


class PasswordView(PasswordChangeView):
    """The page for changing one's password."""

    form_class = PasswordForm
    http_method_names = ["get", "head", "post"]
