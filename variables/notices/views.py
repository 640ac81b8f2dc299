"""Views of notices, and of how each kind is told."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exposures.input.queries import integer_in
from variables.models.notices import Told
from variables.notices import mailing, reading


class ChoicesForm(forms.Form):
    """How each kind of notice is told."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        told = Told.choices if settings.MAIL_IS_SET else Told.choices[:1]
        for kind in reading.CHOSEN:
            self.fields[kind.value] = forms.ChoiceField(choices=told, label=kind.label)


@require_safe
def notices(request):
    """List a user's notices, the newest first, and how each kind is told."""
    rows, before = reading.page_of_notices(request.user, integer_in(request.GET, "before", None))
    context = {
        "notices": rows,
        "before": before,
        "form": ChoicesForm(initial=reading.choices_of(request.user)),
        "mail_is_set": settings.MAIL_IS_SET,
    }
    return render(request, "variables/notices.html", context)


@require_POST
def read_notices(request):
    """Mark one notice as read, or all up to the newest that was shown."""
    pk, last = (integer_in(request.POST, name, None) for name in ("notice", "last"))
    if pk is None and last is None:
        raise BadRequest("The form is not complete: it names no notice")
    reading.mark_read(request.user, pk, last)
    return redirect("notices")


@require_POST
def choose_notices(request):
    """Have each kind of notice told as the user wants."""
    form = ChoicesForm(request.POST)
    if not form.is_valid():
        raise BadRequest("The form is not complete: it doesn't say how each kind is told")
    reading.choose(request.user, form.cleaned_data)
    messages.success(request, "So you will be told.")
    return redirect("notices")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request, token):
    """End the mails to the person to whom a mail with this link was sent."""
    user = mailing.user_of_token(token)
    if user is None:
        raise Http404("There is no such link")
    if request.method == "POST":
        reading.unsubscribe(user)
    context = {"is_done": request.method == "POST"}
    return render(request, "variables/unsubscribe.html", context)
