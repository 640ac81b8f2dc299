"""The page that an invitation's link opens."""

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from galproject.invitations.inviting import InvitationError, accept, find_live

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request, key):
    """Let an invited person choose a password, and log them in; once."""
    found = find_live(key)
    if found is None:
        return _opens_nothing(request)
    form = SetPasswordForm(found.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = accept(found, form.cleaned_data["new_password1"])
        except InvitationError:
            return _opens_nothing(request)
        login(request, user, BACKEND)
        return redirect("home")
    context = {"form": form, "invitation": found}
    return render(
        request, "galproject/invitation.html", context, status=422 if form.errors else 200
    )


def _opens_nothing(request):
    """One page for links that were used, withdrawn, have expired, or never were."""
    return render(request, "galproject/invitation_over.html", status=404)
