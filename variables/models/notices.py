"""What concerns a person and has changed: notices, and how each kind is to be told."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from exposures.models import GalJob
from variables.models.discussion import GalComment
from variables.models.vetting import Campaign, CampaignObject

MOST_COUNTED = 100  # unread ones, for the head of each page
KEPT_READ, KEPT = timedelta(days=90), timedelta(days=365)
MAILED_WITHIN = timedelta(days=3)  # what couldn't be mailed by then is on the page alone


class NoticeKind(models.TextChoices):
    """What happened."""

    REPLY = "reply", "somebody answers you"
    MENTION = "mention", "somebody mentions you"
    COMMENT = "comment", "a comment where you commented or voted, or on a favourite"
    CLASS = "class", "people agree on a favourite, or on what you voted on, or no longer do"
    BEGINS = "begins", "you are asked into a campaign"
    ENDS = "ends", "a campaign of yours ends"
    FAILED = "failed", "processing that you asked for failed"
    NIGHT = "night", "the report of a night is there"
    WATCH = "watch", "there is news in a search that you watch"


class Told(models.TextChoices):
    """How somebody is told."""

    PAGE = "page", "on the page"
    ONCE = "once", "by mail at once"
    DAILY = "daily", "by a daily mail"


class NoticeQuerySet(models.QuerySet):
    """Notices by person, and by what is still to be done."""

    def visible_to(self, user):
        """A user's own, but on what is blind to them: these are held back until their vote."""
        blind = CampaignObject.objects.blind_to(user).filter(refsource_id=OuterRef("refsource_id"))
        return self.filter(~Exists(blind), user=user)

    def unread(self):
        return self.filter(read=None)

    def with_people(self):
        """With all that their words take, in one query."""
        return self.select_related(
            *("actor", "campaign", "job__exposure", "watch__search"),
            *("comment__exposure", "comment__image__exposure"),
        )

    def to_mail(self, now):
        """Those that are to be mailed now, or again."""
        return self.filter(
            Q(next_try=None) | Q(next_try__lte=now), mailed=None, time__gt=now - MAILED_WITHIN
        ).exclude(mail="")

    def remove_old(self) -> int:
        """Delete what was read months ago, and what is a year old; returns how many."""
        now = timezone.now()
        old = self.filter(Q(read__lt=now - KEPT_READ) | Q(time__lt=now - KEPT))
        return old.delete()[0]


class GalNotice(models.Model):
    """Something that concerns a person and has changed, written with the change itself."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notices",
        db_index=False,  # galnotices_newest begins with it
    )
    kind = models.CharField(max_length=8, choices=NoticeKind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    refsource_id = models.BigIntegerField(null=True, help_text="the candidate")
    comment = models.ForeignKey(
        GalComment, null=True, on_delete=models.CASCADE, related_name="notices"
    )
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(GalJob, null=True, on_delete=models.CASCADE, related_name="+")
    watch = models.ForeignKey(
        "variables.GalWatch", null=True, on_delete=models.CASCADE, related_name="notices"
    )
    text = models.CharField(
        max_length=200, blank=True, help_text="the class, what failed or is new, or the night"
    )
    time = models.DateTimeField()
    read = models.DateTimeField(null=True)
    mail = models.CharField(max_length=5, blank=True, help_text="once, daily, or not at all")
    mailed = models.DateTimeField(null=True, help_text="when it was taken to be sent")
    tries = models.PositiveSmallIntegerField(default=0, help_text="to mail it, in vain")
    next_try = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        db_table = "galnotices"
        verbose_name = "notice"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="galnotices_newest"),
            models.Index(fields=["user"], condition=Q(read=None), name="galnotices_unread"),
            models.Index(
                fields=["mail", "user"],
                condition=Q(mailed=None) & ~Q(mail=""),
                name="galnotices_to_mail",
            ),
            models.Index(
                fields=["refsource_id"],
                condition=Q(refsource_id__isnull=False),
                name="galnotices_source",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "text"],
                condition=Q(kind="night"),
                name="galnotices_once_a_night",
            )
        ]

    def __str__(self):
        return f"notice {self.pk}"

    def get_absolute_url(self):
        """Where to look at what happened."""
        if self.comment_id:
            return self.comment.get_absolute_url()
        if self.campaign_id:
            return self.campaign.get_absolute_url()
        if self.job_id:
            return self.job.exposure.get_absolute_url()
        if self.watch_id:
            return self.watch.get_absolute_url()
        if self.kind == NoticeKind.NIGHT:
            return reverse("night", args=[self.text[:10]])
        if self.refsource_id is not None:
            return reverse("candidate", args=[self.refsource_id])
        return f"{reverse('candidates')}?vetted=me"

    @property
    def words(self) -> str:
        """What happened, in a sentence."""
        who = self.actor.get_username() if self.actor else "Somebody"
        on = self.comment.subject if self.comment_id else ""
        return {
            NoticeKind.REPLY: f"{who} answers on {on}",
            NoticeKind.MENTION: f"{who} mentions you on {on}",
            NoticeKind.COMMENT: f"{who} comments on {on}",
            NoticeKind.CLASS: self._words_of_class,
            NoticeKind.BEGINS: f"{who} asks you into the campaign “{self.campaign}”",
            NoticeKind.ENDS: f"The campaign “{self.campaign}” is closed",
            NoticeKind.FAILED: f"What you asked for failed: {self.text}",
            NoticeKind.NIGHT: f"The night of {self.text}",
            NoticeKind.WATCH: f"In “{self.watch}”: {self.text}",
        }[self.kind]

    @property
    def _words_of_class(self):
        if self.refsource_id is None:
            return f"People agree anew, or no longer, on {self.text}"
        if not self.text:
            return f"People don't agree on candidate {self.refsource_id} any more"
        return f"People agree on candidate {self.refsource_id}: {self.text}"

    @property
    def quoted(self) -> str:
        """What somebody wrote; "" where nobody did, or it was withdrawn."""
        return self.comment.text if self.comment_id and not self.comment.withdrawn else ""


class GalNoticeChoice(models.Model):
    """How a person wants to be told of a kind of notice; without a row on the page alone."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choices"
    )
    kind = models.CharField(max_length=8, choices=NoticeKind)
    told = models.CharField(max_length=5, choices=Told, default=Told.PAGE)

    class Meta:
        db_table = "galnoticechoices"
        verbose_name = "choice of notices"
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="galnoticechoices_once")
        ]

    def __str__(self):
        return f"{self.kind}: {self.told}"
