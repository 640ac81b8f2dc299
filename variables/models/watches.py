"""Watched searches: what is new in them, and candidates as they were before they changed."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from variables.models.notices import GalNotice, Told
from variables.models.searches import SavedSearch
from variables.models.vetting import CampaignObject

KEPT = timedelta(days=365)


class CandidateBefore(models.Model):
    """A candidate as it was before somebody wrote it, or that there was none.

    Written by a trigger of galcandidates with the change itself, as long as anything is watched,
    and deleted by whoever looks what that means to watches.
    """

    refsource_id = models.BigIntegerField()
    before = models.JSONField(null=True, help_text="its row; null: there was none")

    class Meta:
        db_table = "galcandidatesbefore"
        verbose_name = "candidate before a change"
        indexes = [models.Index(fields=["refsource_id"], name="galcandidatesbefore_source")]

    def __str__(self):
        return f"candidate {self.refsource_id} before"


class WatchQuerySet(models.QuerySet):
    """Watches by whether they go on."""

    def going_on(self):
        """Watches of one's own searches, and of those that others still share."""
        own = models.Q(search__user=models.F("user"))
        return self.filter(own | models.Q(search__is_shared=True))


class GalWatch(models.Model):
    """A saved search in which a person wants to be told what is new."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="watches",
        db_index=False,  # galwatches_once begins with it
    )
    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="watches")
    told = models.CharField(max_length=5, choices=Told, default=Told.PAGE)
    looked_at = models.BigIntegerField(default=0, help_text="the last of its news that was seen")
    created = models.DateTimeField(auto_now_add=True)

    objects = WatchQuerySet.as_manager()

    class Meta:
        db_table = "galwatches"
        verbose_name = "watch"
        verbose_name_plural = "watches"
        constraints = [models.UniqueConstraint(fields=["user", "search"], name="galwatches_once")]

    def __str__(self):
        return self.search.name

    def get_absolute_url(self):
        return reverse("watch", args=[self.pk])


class NewsQuerySet(models.QuerySet):
    """News of watches by who may see them."""

    def visible_to(self, user):
        """Those of a user's own watches, but what tells an opinion that is blind to them."""
        blind = CampaignObject.objects.blind_to(user).filter(refsource_id=OuterRef("refsource_id"))
        own = self.filter(watch__in=GalWatch.objects.going_on().filter(user=user))
        return own.exclude(Exists(blind), tells_opinion=True)

    def remove_old(self) -> int:
        """Delete what is a year old; returns how many."""
        return self.filter(time__lt=timezone.now() - KEPT).delete()[0]


class GalWatchNews(models.Model):
    """What happened to one candidate of a watched search."""

    class Kind(models.TextChoices):
        NEW = "new", "new in the list"
        CLASS = "class", "people agree on another class"
        MORE = "more", "varies by more than before"

    watch = models.ForeignKey(
        GalWatch,
        on_delete=models.CASCADE,
        related_name="news",
        db_index=False,  # galwatchnews_newest begins with it
    )
    refsource_id = models.BigIntegerField(help_text="the candidate")
    kind = models.CharField(max_length=5, choices=Kind)
    text = models.CharField(max_length=200, blank=True, help_text="the class, or the change")
    tells_opinion = models.BooleanField(
        default=False, help_text="of people, which may be blind to the watch's owner"
    )
    is_held_back = models.BooleanField(
        default=False, help_text="blind to the watch's owner, and told when it no longer is"
    )
    notice = models.ForeignKey(
        GalNotice, null=True, on_delete=models.SET_NULL, related_name="news", help_text="of it"
    )
    time = models.DateTimeField(db_index=True)

    objects = NewsQuerySet.as_manager()

    class Meta:
        db_table = "galwatchnews"
        verbose_name = "news of a watch"
        verbose_name_plural = "news of watches"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["watch", "-id"], name="galwatchnews_newest"),
            models.Index(
                fields=["watch", "id"],
                condition=models.Q(is_held_back=True),
                name="galwatchnews_held_back",
            ),
        ]

    def __str__(self):
        return f"news {self.pk}"

    @property
    def words(self) -> str:
        """What happened, in a few words."""
        return f"{self.get_kind_display()}{self.text and ': ' + self.text}"


class FeedKey(models.Model):
    """The secret in the addresses of a person's feeds, which readers of feeds can't log in to."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="feed_key",
    )
    key = models.CharField(max_length=43, unique=True)

    class Meta:
        db_table = "galfeedkeys"
        verbose_name = "key of feeds"
        verbose_name_plural = "keys of feeds"

    def __str__(self):
        return f"key of {self.user_id}"
