"""Vetting: campaigns, and the append-only table of decisions."""

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property

from exposures.constraints import on_the_sky
from variables.models.model_checks import ModelCheck
from variables.models.successions import GalSuccession
from variables.models.taxonomy import Taxonomy, TaxonomyClass

MIN_PERIOD_DAYS, MAX_PERIOD_DAYS = 1e-5, 1e6  # a second, and beyond what anybody observes


class CampaignQuerySet(models.QuerySet):
    """Campaigns with their members and progress."""

    def with_members(self):
        """Annotate ``member_ids``, which otherwise take a query each."""
        members = models.Q(members__isnull=False)
        return self.annotate(member_ids=ArrayAgg("members", filter=members, default=[]))

    def with_progress(self, user):
        """Annotate ``n_objects``, ``n_votes`` of those wanted, and ``n_by_user``, the user's."""

        def one(rows, number):
            numbered = rows.order_by().values("campaign").annotate(n=number).values("n")
            return models.functions.Coalesce(models.Subquery(numbered), 0)

        own = models.OuterRef("pk")
        objects = CampaignObject.objects.filter(campaign=own)
        votes = GalDecision.objects.votes_standing().filter(campaign=own, user=user)
        return self.annotate(
            n_objects=one(objects, models.Count("pk")),
            n_votes=one(objects, votes_given()),
            n_by_user=one(votes, models.Count("refsource_id", distinct=True)),
        )


def votes_given():
    """The number of votes on a campaign's objects, not counting more than are wanted."""
    return models.Sum(models.functions.Least("n_votes", "campaign__votes_wanted"))


class Campaign(models.Model):
    """A frozen selection of candidates that a group of people vets."""

    class Lane(models.TextChoices):
        SHEET = "sheet", "contact sheet, for one or two detections"
        CARD = "card", "cards, for repeated detections"
        DISPUTED = "disputed", "cards, for disputed candidates"

    NAME_LENGTH = 80

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
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
    shows_scores = models.BooleanField(
        default=False,
        help_text="voters see what the model says of a candidate before they have voted",
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
        """The number of votes wanted in all; needs ``with_progress``."""
        return self.n_objects * self.votes_wanted

    @cached_property
    def member_ids(self) -> list[int]:
        return list(self.members.values_list("pk", flat=True))

    def has_votes(self) -> bool:
        """Whether it has a vote that was not undone."""
        return self.decisions.votes_standing().exists()

    def is_run_by(self, user) -> bool:
        """Whether a user may close and rename it: managers, and its maker while it has no votes."""
        may_run_all = user.has_perm("variables.add_campaign")
        return may_run_all or (self.created_by_id == user.pk and not self.has_votes())

    def is_open_to(self, user) -> bool:
        """Whether a user may vote in it, as a member or if it has none."""
        return not self.member_ids or user.pk in self.member_ids


class CampaignObjectQuerySet(models.QuerySet):
    """Candidates in campaigns."""

    def going_on(self):
        """Objects of open campaigns, on which votes are blind."""
        return self.filter(campaign__closed=None)

    def blind_to(self, user=None):
        """Objects on which a user may not see others' votes yet; without a user, nobody may.

        Users who have voted on it since the campaign began may see them, but not those who undid
        that vote.
        """
        if user is None:
            return self.going_on()
        own = GalDecision.objects.votes_standing().filter(
            user=user,
            refsource_id=models.OuterRef("refsource_id"),
            time__gte=models.OuterRef("campaign__created"),
        )
        return self.going_on().exclude(models.Exists(own))

    def blind_though_voted(self, user):
        """Objects blind to a user who had voted on them before the campaign began."""
        latest = Campaign.objects.filter(closed=None).order_by("-created").first()
        if latest is None:
            return self.none()
        # Without votes since then, which are nearly all where people vet in one campaign.
        before = GalDecision.objects.filter(
            user=user, action=GalDecision.Action.VOTE, time__lt=latest.created
        )
        return self.blind_to(user).order_by().filter(refsource_id__in=before.values("refsource_id"))


class CampaignObject(models.Model):
    """A candidate in a campaign, and to whom it is leased."""

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
    model_check = models.ForeignKey(
        ModelCheck,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="objects_in",
        db_index=False,  # asked for within a campaign
        help_text="that it has to do with",
    )
    is_sure = models.BooleanField(
        default=False, help_text="the model of the check is sure that it is an artifact"
    )
    check_rank = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="in the order in which people check; null: they are not asked to",
    )
    leased_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    leased_until = models.DateTimeField(null=True, blank=True)

    objects = CampaignObjectQuerySet.as_manager()

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
    """Decisions by validity, and by who may see them."""

    def votes_standing(self):
        """Votes that were not undone; a person's later vote may still replace one."""
        return self.filter(action=GalDecision.Action.VOTE, undone_by=None)

    def visible_to(self, user):
        """A user's own decisions, and all on candidates on which the user has voted.

        In an open campaign only a vote given since it began counts for this.
        """
        of_candidate = {"refsource_id": models.OuterRef("refsource_id")}
        voted = GalDecision.objects.votes_standing().filter(user=user, **of_candidate)
        blind = CampaignObject.objects.blind_to(user).filter(**of_candidate)
        after_own = models.Exists(voted) & ~models.Exists(blind)
        return self.filter(models.Q(user=user) | after_own)

    def settled(self, among=None):
        """Decisions, of those ``among`` a Q, on what no open campaign has, nor its successor."""
        among = among or models.Q()
        blind = CampaignObject.objects.blind_to().values("refsource_id")
        before = GalSuccession.objects.filter(new_refsource_id__in=blind)
        return (
            self.filter(among)
            .exclude(refsource_id__in=blind.filter(among))
            .exclude(refsource_id__in=before.values("old_refsource_id"))
        )


class GalDecision(models.Model):
    """A user's decision on a candidate, or its undoing. Rows are only added.

    A person's vote on a candidate counts until their next one, or until it is undone. Position and
    filter are stored with it, since the source gets another id when its reference is made again.
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
        GROUP = "group", "in one stroke for its whole group, after a look at its extremes"
        MODEL = "model", "in one stroke for all that a model is sure of, after a sample was checked"
        API = "api"
        TRANSFERRED = "carried", "transferred to the source that replaced another"

    refsource_id = models.BigIntegerField()
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    filter = models.CharField(max_length=80)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="decisions",
        db_index=False,  # galdecisions_by_user begins with it
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
    period_days = models.FloatField(
        null=True, help_text="of a vote: by which its light curve was folded"
    )
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    comment = models.TextField(blank=True)
    how = models.CharField(max_length=8, choices=How, default=How.CLICK)
    shown = models.JSONField(default=dict, help_text="what was on the screen: lane, epochs ...")
    key = models.CharField(
        max_length=64, blank=True, help_text="of the browser's: what is sent twice is saved once"
    )
    time = models.DateTimeField(auto_now_add=True)

    objects = GalDecisionQuerySet.as_manager()

    class Meta:
        db_table = "galdecisions"
        verbose_name = "decision"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["refsource_id", "user"], name="galdecisions_source"),
            models.Index(fields=["campaign", "user"], name="galdecisions_campaign"),
            models.Index(fields=["user", "id"], name="galdecisions_by_user"),
            models.Index(
                fields=["user", "time"],
                include=["refsource_id", "id"],
                condition=models.Q(action="vote"),
                name="galdecisions_votes",
            ),
        ]
        constraints = [
            on_the_sky("galdecisions"),
            models.CheckConstraint(
                condition=models.Q(action="vote", choice__isnull=False)
                | ~models.Q(action="vote") & models.Q(choice=None),
                name="galdecisions_votes_choose",
            ),
            models.CheckConstraint(
                condition=models.Q(period_days=None)
                | models.Q(
                    action="vote",
                    period_days__gte=MIN_PERIOD_DAYS,
                    period_days__lte=MAX_PERIOD_DAYS,
                ),
                name="galdecisions_votes_have_periods",
            ),
            models.UniqueConstraint(
                fields=["user", "key"],
                condition=~models.Q(key=""),
                name="galdecisions_one_a_key",
            ),
        ]

    # Votes in one stroke for many, most of which nobody has looked at.
    STROKES = (How.GROUP, How.MODEL)

    def __str__(self):
        # Not who decided on what: lists of what hangs on a row say this of it.
        return f"decision {self.pk}"
