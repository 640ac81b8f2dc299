"""What people say of candidates, exposures and images, beside their votes."""

import re

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from exposures.models import GalExposure, GalImage
from variables.models.vetting import CampaignObject

MAX_COMMENT = 2000  # characters
# What a user name may have in it; a sentence may go on right after a name.
MENTION = re.compile(r"(?<![\w.@+-])@([\w.@+-]*\w)")
ONE_SUBJECT = (
    Q(refsource_id__isnull=False, exposure=None, image=None)
    | Q(refsource_id=None, exposure__isnull=False, image=None)
    | Q(refsource_id=None, exposure=None, image__isnull=False)
)


def mentioned_in(text) -> set[str]:
    """The names that a text mentions as ``@name``, in small letters."""
    return {name.lower() for name in MENTION.findall(text)}


class CommentQuerySet(models.QuerySet):
    """Comments by subject, and by who may see them."""

    def visible_to(self, user):
        """A user's own comments, and those of others that are not on a candidate blind to them.

        In an open campaign others' comments are seen after one's own vote.
        """
        blind = CampaignObject.objects.blind_to(user).filter(refsource_id=OuterRef("refsource_id"))
        return self.filter(Q(user=user) | ~Exists(blind))

    def on(self, subject):
        """Comments on a candidate, an exposure or an image."""
        return self.filter(**about(subject))


def about(subject) -> dict:
    """The column of a comment that names its subject, with its value."""
    if isinstance(subject, GalExposure):
        return {"exposure_id": subject.pk}
    if isinstance(subject, GalImage):
        return {"image_id": subject.pk}
    return {"refsource_id": subject.pk}


class GalComment(models.Model):
    """A comment on a candidate, an exposure or an image, or an answer to one.

    Its author can change it, or withdraw it: then it stays as withdrawn, and nobody reads it.
    """

    refsource_id = models.BigIntegerField(null=True, blank=True, help_text="a candidate")
    exposure = models.ForeignKey(
        GalExposure, null=True, blank=True, on_delete=models.CASCADE, related_name="comments"
    )
    image = models.ForeignKey(
        GalImage, null=True, blank=True, on_delete=models.CASCADE, related_name="comments"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments"
    )
    answers = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replies",
        help_text="the comment that begins its thread; null: it begins one",
    )
    text = models.TextField(max_length=MAX_COMMENT)
    key = models.CharField(
        max_length=64, blank=True, help_text="of the browser's: what is sent twice is saved once"
    )
    time = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(null=True, blank=True, help_text="by its author, the last time")
    withdrawn = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        db_table = "galcomments"
        verbose_name = "comment"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["refsource_id"],
                condition=Q(refsource_id__isnull=False),
                name="galcomments_source",
            )
        ]
        constraints = [
            models.CheckConstraint(condition=ONE_SUBJECT, name="galcomments_of_one_thing"),
            models.UniqueConstraint(
                fields=["user", "key"], condition=~Q(key=""), name="galcomments_one_a_key"
            ),
        ]

    def __str__(self):
        return f"comment {self.pk}"

    def get_absolute_url(self):
        if self.refsource_id is not None:
            page = reverse("candidate", args=[self.refsource_id])
        elif self.exposure_id:
            page = reverse("exposure", args=[self.exposure_id])
        else:
            page = reverse("image", args=[self.image_id])
        return f"{page}#comment-{self.pk}"

    @property
    def subject(self) -> str:
        """What it is on, in words."""
        if self.refsource_id is not None:
            return f"candidate {self.refsource_id}"
        return f"exposure {self.exposure}" if self.exposure_id else f"image {self.image}"
