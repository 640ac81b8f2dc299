"""Atom feeds, which readers open by the key in the address instead of logging in."""

from django.contrib.syndication.views import Feed
from django.http import Http404
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from variables.watches.watching import NewsRow, feed_key, news_for_feed, user_of_feed


class KeyedFeed(Feed):
    """A feed of one person; of nobody where the key opens none, or its owner may see nothing."""

    feed_type = Atom1Feed
    address = ""  # the name of its own

    def get_object(self, request, key, **kwargs):
        user = user_of_feed(key)
        if user is None:
            raise Http404("There is no such feed")
        return user, kwargs

    def feed_url(self, asked):
        user, kwargs = asked
        return reverse(self.address, kwargs={"key": feed_key(user), **kwargs})


class WatchesFeed(KeyedFeed):
    """What is new in all searches that a person watches."""

    address = "watches_feed"
    subtitle = "What is new, of another class or varying by more in searches that you watch."

    def title(self, asked):
        return "galproject: watched searches"

    def link(self, asked):
        return reverse("watches")

    def items(self, asked):
        user, kwargs = asked
        return news_for_feed(user, kwargs.get("pk"))

    def item_title(self, row: NewsRow):
        return f"Candidate {row.news.refsource_id}: {row.news.words}"

    def item_description(self, row: NewsRow):
        candidate = row.candidate
        if candidate is None:
            return f"In “{row.news.watch}”; the candidate is gone by now."
        magnitude = candidate.reference_mag
        place = f"at {candidate.ra:.6f} {candidate.dec:+.6f} in {candidate.filter}"
        faint = "" if magnitude is None else f", {magnitude:.2f} mag"
        return f"In “{row.news.watch}”: {place}{faint}, {candidate.n_detections} detections."

    def item_link(self, row: NewsRow):
        return reverse("candidate", args=[row.news.refsource_id])

    def item_guid(self, row: NewsRow):
        return f"urn:galproject:news:{row.news.pk}"

    def item_updateddate(self, row: NewsRow):
        return row.news.time

    def item_categories(self, row: NewsRow):
        return (row.news.kind,)


class WatchFeed(WatchesFeed):
    """What is new in one watched search."""

    address = "watch_feed"

    def get_object(self, request, key, **kwargs):
        user, kwargs = super().get_object(request, key, **kwargs)
        if not user.watches.going_on().filter(pk=kwargs["pk"]).exists():
            raise Http404("There is no such feed")
        return user, kwargs

    def title(self, asked):
        user, kwargs = asked
        return f"galproject: {user.watches.select_related('search').get(pk=kwargs['pk'])}"

    def link(self, asked):
        return reverse("watch", args=[asked[1]["pk"]])
