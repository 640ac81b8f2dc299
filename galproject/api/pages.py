"""Pages about the API: what it offers, and one's own token."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authtoken.models import Token


def documentation(request):
    """The API described for people, from its own schema, and one's token."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    operations = [
        {"path": path, "method": method.upper(), **facts}
        for path, methods in sorted(schema["paths"].items())
        for method, facts in methods.items()
    ]
    context = {
        "operations": operations,
        "has_token": Token.objects.filter(user=request.user).exists(),
        "token": request.session.pop("token", None),
    }
    return render(request, "galproject/api.html", context)


@require_POST
def make_token(request):
    """A new token in place of the one that one had; it is shown once."""
    Token.objects.filter(user=request.user).delete()
    request.session["token"] = Token.objects.create(user=request.user).key
    return redirect("api_documentation")


@require_POST
def revoke_token(request):
    """Let one's token open nothing any more."""
    Token.objects.filter(user=request.user).delete()
    messages.success(request, "Your token is revoked.")
    return redirect("api_documentation")
