"""What people say of candidates: a taxonomy, campaigns, and decisions that are only added to."""

from django.conf import settings
from django.db import models
from django.urls import reverse


class Taxonomy(models.Model):
    """A version of the classes that people choose from; frozen once a decision used it."""

    version = models.PositiveIntegerField(unique=True)
    is_current = models.BooleanField(default=False, help_text="offered to new campaigns")
    note = models.TextField(blank=True, help_text="what is new in it")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galtaxonomies"
        verbose_name_plural = "taxonomies"
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=models.Q(is_current=True),
                name="galtaxonomies_one_current",
            )
        ]

    def __str__(self):
        return f"taxonomy {self.version}"


class TaxonomyClass(models.Model):
    """One class of a taxonomy, and the key that chooses it."""

    class Kind(models.TextChoices):
        VARIABLE = "variable"
        ARTIFACT = "artifact"
        UNCERTAIN = "uncertain"

    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.CASCADE, related_name="classes")
    slug = models.SlugField(max_length=32)
    label = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=1, help_text="of the keyboard")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="subtypes",
        help_text="of a subtype: its key is pressed after that of the parent",
    )
    meaning = models.TextField(blank=True)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "galclasses"
        verbose_name_plural = "taxonomy classes"
        ordering = ["taxonomy", "order"]
        constraints = [
            models.UniqueConstraint(fields=["taxonomy", "slug"], name="galclasses_one_a_slug"),
            models.UniqueConstraint(
                fields=["taxonomy", "key"],
                condition=models.Q(parent=None),
                name="galclasses_one_a_key",
            ),
            models.UniqueConstraint(
                fields=["parent", "key"], name="galclasses_one_a_key_below_a_parent"
            ),
        ]

    def __str__(self):
        return self.label

    @property
    def path(self) -> str:
        """Its slug, after that of its parent where it is a subtype: "artifact/edge"."""
        return f"{self.parent.slug}/{self.slug}" if self.parent_id else self.slug


class CampaignQuerySet(models.QuerySet):
    """Campaigns with how far they are."""

    def with_progress(self, user):
        """Annotated with ``n_objects``, ``n_votes`` and, of the user's votes, ``n_own``."""

        def count(rows):
            counted = rows.order_by().values("campaign").annotate(n=models.Count("pk"))
            number = models.Subquery(counted.values("n"))
            return models.functions.Coalesce(number, 0)

        own = models.OuterRef("pk")
        votes = GalDecision.objects.votes_standing().filter(campaign=own)
        return self.annotate(
            n_objects=count(CampaignObject.objects.filter(campaign=own)),
            n_votes=count(votes),
            n_own=count(votes.filter(user=user)),
        )


class Campaign(models.Model):
    """A frozen selection of candidates that some people vet together."""

    class Lane(models.TextChoices):
        SHEET = "sheet", "contact sheet, for one-offs"
        CARD = "card", "a card each, for what was detected repeatedly"
        DISPUTED = "disputed", "a card each, for what people disagree on"

    name = models.CharField(max_length=80, unique=True)
    lane = models.CharField(max_length=8, choices=Lane, default=Lane.CARD)
    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.PROTECT, related_name="campaigns")
    query = models.TextField(blank=True, help_text="of the list that was frozen")
    votes_wanted = models.PositiveSmallIntegerField(default=1, help_text="for each candidate")
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="campaigns",
        help_text="who vets; nobody: everyone who may vote",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="campaigns_made"
    )
    created = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        db_table = "galcampaigns"
        ordering = ["-created"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("campaign", args=[self.pk])

    @property
    def n_votes_needed(self) -> int:
        """Where it was asked for ``with_progress``."""
        return self.n_objects * self.votes_wanted

    def is_open_to(self, user) -> bool:
        """Whether somebody may vote in it, as one of its people."""
        members = {member.pk for member in self.members.all()}
        return not members or user.pk in members


class CampaignObject(models.Model):
    """A candidate in a campaign, and who has it in hand."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="objects_in")
    refsource_id = models.BigIntegerField()
    rank = models.PositiveIntegerField(help_text="in the order of the campaign")
    group = models.CharField(max_length=80, blank=True, help_text="of a contact sheet")
    gold = models.ForeignKey(
        TaxonomyClass,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the known answer, by which voters are judged",
    )
    n_votes = models.PositiveSmallIntegerField(default=0)
    leased_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "galcampaignobjects"
        ordering = ["campaign", "rank"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "refsource_id"], name="galcampaignobjects_once"
            ),
            models.UniqueConstraint(fields=["campaign", "rank"], name="galcampaignobjects_rank"),
        ]
        indexes = [models.Index(fields=["refsource_id"], name="galcampaignobjects_source")]

    def __str__(self):
        return f"{self.refsource_id} in {self.campaign_id}"


class GalDecisionQuerySet(models.QuerySet):
    """Decisions that count."""

    def votes_standing(self):
        """Votes that were not undone; a person's later vote may still replace one."""
        return self.filter(action=GalDecision.Action.VOTE, undone_by=None)


class GalDecision(models.Model):
    """What somebody decided of a candidate, or took back. Rows are only added.

    A vote of a person on a candidate stands until a later one of theirs, or until its undoing.
    Position and filter are kept with it, for when the reference is made again and the source has
    another id.
    """

    class Action(models.TextChoices):
        VOTE = "vote"
        SKIP = "skip"
        UNDO = "undo"
        COMMENT = "comment"

    class How(models.TextChoices):
        KEY = "key"
        CLICK = "click"
        BULK = "bulk"
        API = "api"

    refsource_id = models.BigIntegerField()
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    filter = models.CharField(max_length=16)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    campaign = models.ForeignKey(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    action = models.CharField(max_length=8, choices=Action, default=Action.VOTE)
    choice = models.ForeignKey(
        TaxonomyClass,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="decisions",
        help_text="of a vote",
    )
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    comment = models.TextField(blank=True)
    how = models.CharField(max_length=8, choices=How, default=How.CLICK)
    shown = models.JSONField(default=dict, help_text="what was on the screen: lane, epochs ...")
    time = models.DateTimeField(auto_now_add=True)

    objects = GalDecisionQuerySet.as_manager()

    class Meta:
        db_table = "galdecisions"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["refsource_id", "user"], name="galdecisions_source"),
            models.Index(fields=["campaign", "user"], name="galdecisions_campaign"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(action="vote", choice__isnull=False)
                | ~models.Q(action="vote") & models.Q(choice=None),
                name="galdecisions_votes_choose",
            )
        ]

    def __str__(self):
        return f"{self.action} of {self.user_id} on {self.refsource_id}"
