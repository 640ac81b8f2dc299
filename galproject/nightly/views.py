"""Views of nights and their reports, and the feed of them."""

from datetime import UTC, date, datetime, time, timedelta

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from galproject.nightly.report import latest_nights, report_of
from variables.watches.feeds import KeyedFeed
from variables.watches.watching import feed_key

N_IN_FEED = 5


@require_safe
def nights(request):
    """List the latest nights with exposures."""
    context = {"nights": latest_nights(), "feed_key": feed_key(request.user)}
    return render(request, "galproject/nights.html", context)


@require_safe
def night(request, day):
    """Show the report of a night."""
    try:
        asked = date.fromisoformat(day)
    except ValueError as error:
        raise Http404(f"{day} is no date such as 2026-11-29") from error
    return render(request, "galproject/night.html", {"report": report_of(asked)})


class NightsFeed(KeyedFeed):
    """The reports of the latest nights."""

    address = "nights_feed"
    title = "galproject: reports of nights"
    subtitle = "What was observed, how well, what failed, and what is new."

    def link(self, asked):
        return reverse("nights")

    def items(self, asked):
        return [report_of(one.date) for one in latest_nights()[:N_IN_FEED]]

    def item_title(self, report):
        return f"Night of {report.date}: {report.in_short}"

    def item_description(self, report):
        return report.as_text()

    def item_link(self, report):
        return reverse("night", args=[report.date])

    def item_guid(self, report):
        return f"urn:galproject:night:{report.date}"

    def item_updateddate(self, report):
        return datetime.combine(report.date + timedelta(days=1), time(12), UTC)
