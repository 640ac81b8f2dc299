"""What people mark candidates by, for themselves or for all: favourites and tags."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from variables.models.vetting import CampaignObject

MAX_TAG = 30  # characters
MANY_TAGGED = 5000  # candidates: so many are looked up for each candidate, fewer are listed


class FavouriteQuerySet(models.QuerySet):
    """Favourites by person."""

    def sources_of(self, user) -> set[int]:
        """The candidates that a user marked, a few thousand at most."""
        if user is None or not user.pk:
            return set()
        return set(self.filter(user=user).values_list("refsource_id", flat=True))


class GalFavourite(models.Model):
    """A candidate that somebody marked for themselves; nobody else sees it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="favourites",
        db_index=False,  # galfavourites_once begins with it
    )
    refsource_id = models.BigIntegerField()
    time = models.DateTimeField(auto_now_add=True)

    objects = FavouriteQuerySet.as_manager()

    class Meta:
        db_table = "galfavourites"
        verbose_name = "favourite"
        constraints = [
            models.UniqueConstraint(fields=["user", "refsource_id"], name="galfavourites_once")
        ]
        indexes = [models.Index(fields=["refsource_id"], name="galfavourites_source")]

    def __str__(self):
        return f"{self.refsource_id} of {self.user_id}"


class TagQuerySet(models.QuerySet):
    """Tags by owner."""

    def seen_by(self, user):
        """Tags of a user, and those that all share."""
        return self.filter(Q(owner=None) | Q(owner=user))


class GalTag(models.Model):
    """A short word by which candidates are found again: of one person, or shared by all."""

    name = models.CharField(max_length=MAX_TAG)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="tags",
        help_text="who alone sees it; nobody: shared by all",
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        db_table = "galtags"
        verbose_name = "tag"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(owner=None), name="galtags_shared_once"
            ),
            models.UniqueConstraint(fields=["owner", "name"], name="galtags_once"),
        ]

    def __str__(self):
        return self.name

    @property
    def is_shared(self) -> bool:
        return self.owner_id is None


class TaggingQuerySet(models.QuerySet):
    """Tags on candidates, by who may see them."""

    def visible_to(self, user):
        """What a user tagged, and what others did by shared tags, but on what is blind to them.

        A shared tag may say what somebody takes a candidate for, as a vote does.
        """
        blind = CampaignObject.objects.blind_to(user).filter(refsource_id=OuterRef("refsource_id"))
        return self.filter(Q(user=user) | Q(tag__owner=None) & ~Exists(blind))

    def named(self, name, user):
        """Taggings by tags of this name that a user may set, whether they may see them or not."""
        tags = GalTag.objects.seen_by(user).filter(name=" ".join(name.lower().split()))
        return self.filter(tag__in=list(tags.values_list("pk", flat=True)))


class GalTagging(models.Model):
    """A tag on a candidate."""

    tag = models.ForeignKey(
        GalTag,
        on_delete=models.CASCADE,
        related_name="taggings",
        db_index=False,  # galtaggings_once begins with it
    )
    refsource_id = models.BigIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="taggings"
    )
    time = models.DateTimeField(auto_now_add=True)

    objects = TaggingQuerySet.as_manager()

    class Meta:
        db_table = "galtaggings"
        verbose_name = "tagged candidate"
        constraints = [
            models.UniqueConstraint(fields=["tag", "refsource_id"], name="galtaggings_once")
        ]
        indexes = [models.Index(fields=["refsource_id"], name="galtaggings_source")]

    def __str__(self):
        return f"{self.tag_id} on {self.refsource_id}"
