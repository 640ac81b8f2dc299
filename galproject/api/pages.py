"""The page that documents the API."""

from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


@require_safe
def documentation(request):
    """Document the API from its schema, and show the number of one's tokens."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    operations = [
        {"path": path, "method": method.upper(), **facts}
        for path, methods in sorted(schema["paths"].items())
        for method, facts in methods.items()
    ]
    context = {
        "operations": operations,
        "n_tokens": request.user.api_tokens.live().count(),
    }
    return render(request, "galproject/api.html", context)
