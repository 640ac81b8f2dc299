"""The page of what was found."""

from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from exposures.science.positions import EXAMPLES
from galproject.finding.found import MAX_FOUND, MAX_LENGTH, find


@require_safe
def find_things(request):
    """Go to the one thing that goes by what was typed, or show all that do."""
    text = request.GET.get("q", "").strip()[:MAX_LENGTH]
    found = find(text, request.user) if text else []
    if len(found) == 1:
        return redirect(found[0].url)
    context = {"find_text": text, "found": found, "most": MAX_FOUND, "positions": EXAMPLES}
    return render(request, "galproject/find.html", context)
