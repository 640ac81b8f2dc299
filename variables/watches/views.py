"""Views of watched searches and their news."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from exposures.input.queries import integer_in
from variables.models import GalWatch, SavedSearch
from variables.models.notices import Told
from variables.watches import watching


class ToldForm(forms.Form):
    """How a watch is told."""

    told = forms.ChoiceField(choices=Told.choices)

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if not settings.MAIL_IS_SET:
            self.fields["told"].choices = Told.choices[:1]

    def chosen(self) -> str:
        """How it is to be told. Raises BadRequest where that makes no sense."""
        if not self.is_valid():
            raise BadRequest("The form is not complete: it doesn't say how the watch is told")
        return self.cleaned_data["told"]


class WatchForm(ToldForm):
    """Which search is watched, and how it is told."""

    search = forms.ModelChoiceField(queryset=SavedSearch.objects.none(), empty_label=None)
    field_order = ["search", "told"]

    def __init__(self, *args, user, **options):
        super().__init__(*args, **options)
        self.fields["search"].queryset = SavedSearch.objects.seen_by(user)


@require_safe
def watches(request):
    """List the searches that a user watches, and those that they could."""
    form = WatchForm(user=request.user)
    form.fields["search"].queryset = watching.searches_to_watch(request.user)
    context = {
        "watches": [
            (watch, ToldForm(initial={"told": watch.told}, auto_id=f"id_{watch.pk}_%s"))
            for watch in watching.watches_of(request.user)
        ],
        "form": form,
        "n_to_watch": len(form.fields["search"].choices),
        "feed_key": watching.feed_key(request.user),
        "mail_is_set": settings.MAIL_IS_SET,
    }
    return render(request, "variables/watches.html", context)


@require_safe
def watch(request, pk):
    """Show what is new in a search that a user watches, the newest first."""
    found = _own(request, pk)
    rows, before = watching.page_of_news(found, integer_in(request.GET, "before", None))
    context = {
        "watch": found,
        "rows": rows,
        "before": before,
        "feed_key": watching.feed_key(request.user),
    }
    return render(request, "variables/watch.html", context)


@require_POST
def make_watch(request):
    """Watch a search from now on."""
    form = WatchForm(request.POST, user=request.user)
    told = form.chosen()
    try:
        new = watching.watch(request.user, form.cleaned_data["search"], told)
    except watching.WatchError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"You watch “{new}” from now on.")
    return redirect("watches")


@require_POST
def tell_watch(request, pk):
    """Tell a watch as its owner wants."""
    found = _own(request, pk)
    watching.tell_otherwise(found, ToldForm(request.POST).chosen())
    messages.success(request, f"So you will be told of “{found}”.")
    return redirect("watches")


@require_POST
def see_watch(request, pk):
    """Have news of a watch count as seen up to the newest that was shown."""
    found = _own(request, pk)
    last = integer_in(request.POST, "last", None)
    if last is None:
        raise BadRequest("The form is not complete: it names no news")
    watching.mark_seen(found, last)
    return redirect(found)


@require_POST
def end_watch(request, pk):
    """End a watch; what it told goes with it."""
    found = _own(request, pk)
    found.delete()
    messages.success(request, f"You don't watch “{found}” any more.")
    return redirect("watches")


@require_POST
def renew_feeds(request):
    """Give the user's feeds other addresses."""
    watching.renew_feed_key(request.user)
    messages.success(request, "Your feeds have other addresses: those before open nothing.")
    return redirect("watches")


def _own(request, pk):
    watches = GalWatch.objects.going_on().select_related("user", "search")
    return get_object_or_404(watches, pk=pk, user=request.user)
