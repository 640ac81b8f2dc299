"""The page on which users list, make and revoke their tokens."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from galproject.api.forms import TokenForm
from galproject.models import ApiToken
from galproject.site.tokens import TokenError, make_token

MAX_ENDED = 10  # that are listed


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request):
    """Show the user's tokens; a new key is shown once, in answer to its form."""
    form, key = TokenForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            _, key = make_token(request.user, **form.cleaned_data)
        except TokenError as error:
            form.add_error("name", str(error))
        else:
            form = TokenForm()
    own = request.user.api_tokens
    live = own.live()
    context = {
        "form": form,
        "key": key,
        "live": live,
        "ended": own.exclude(pk__in=live.values("pk"))[:MAX_ENDED],
    }
    return render(request, "galproject/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def end_token(request, pk):
    """Revoke one of the user's own tokens."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    request.user.api_tokens.filter(pk=token.pk).end(ApiToken.EndedBy.OWNER)
    messages.success(request, f"The token “{token.name}” opens nothing any more.")
    return redirect("tokens")
