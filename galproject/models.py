"""Tables of the site: API tokens, and permissions given to groups."""

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.utils import timezone


class ApiTokenQuerySet(models.QuerySet):
    """Tokens by state."""

    def live(self):
        """Tokens that are still valid."""
        return self.filter(ended=None, expires__gt=timezone.now())

    def end(self, why) -> int:
        """Revoke the valid tokens; returns how many."""
        return self.live().update(ended=timezone.now(), ended_by=why)


class ApiToken(models.Model):
    """A token with which scripts use the API for a person. The key itself is not stored."""

    class EndedBy(models.TextChoices):
        OWNER = "owner", "ended by its owner"
        PASSWORD = "password", "ended as the password was changed"
        DEACTIVATED = "deactivated", "ended as the account was deactivated"
        ADMINISTRATOR = "administrator", "ended by an administrator"

    NAME_LENGTH = 60

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=NAME_LENGTH, help_text="what it is for")
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, hexadecimal"
    )
    start = models.CharField(
        max_length=12, blank=True, help_text="of the key: by it a token is known in scripts"
    )
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(
        null=True, blank=True, help_text="to some minutes; null: never used"
    )
    ended = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=16, choices=EndedBy, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "galtokens"
        verbose_name = "API token"
        ordering = ["-created"]

    def __str__(self):
        return f"{self.name} of {self.user}"

    @property
    def is_live(self) -> bool:
        return self.ended is None and self.expires > timezone.now()

    @property
    def state(self) -> str:
        """Whether it is valid, or since when and why not, in words."""
        if self.ended is not None:
            return f"{self.get_ended_by_display()} on {self.ended:%Y-%m-%d}"
        return "live" if self.is_live else f"expired on {self.expires:%Y-%m-%d}"


class GivenPermission(models.Model):
    """A permission given to a group by the version of the code last migrated to.

    What a later version doesn't give any more is taken back by it; what administrators gave
    is not in this table, and stays.
    """

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "galgivenpermissions"
        constraints = [
            models.UniqueConstraint(fields=["group", "permission"], name="galgivenpermissions_once")
        ]

    def __str__(self):
        return f"{self.permission_id} of group {self.group_id}"


class InvitationQuerySet(models.QuerySet):
    """Invitations by state."""

    def unused(self):
        """Invitations that were not used or withdrawn, and have not expired."""
        return self.filter(used=None, withdrawn=None, expires__gt=timezone.now())

    def live(self):
        """Invitations whose link opens the account still."""
        return self.unused().filter(user__is_active=False)

    def withdraw(self) -> int:
        """Withdraw those that are open; returns how many."""
        return self.unused().update(withdrawn=timezone.now())

    def use(self) -> int:
        """Mark those that are open as used; returns how many.

        Of two sessions at once the second waits for the first, and finds none. That takes
        conditions on this table alone: those on another are not looked at again after the wait.
        """
        return self.unused().update(used=timezone.now())


class Invitation(models.Model):
    """A link for one use with which a person begins to use their account.

    The key in the link is not stored.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations"
    )
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, hexadecimal"
    )
    email = models.EmailField(blank=True, help_text="where the link was to be sent")
    invited_by = models.CharField(max_length=150, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)
    withdrawn = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "galinvitations"
        ordering = ["-created"]

    def __str__(self):
        return f"invitation of {self.user}"

    @property
    def state(self) -> str:
        """Whether it is open, or since when and why not, in words."""
        if self.used is not None:
            return f"used on {self.used:%Y-%m-%d}"
        if self.withdrawn is not None:
            return f"withdrawn on {self.withdrawn:%Y-%m-%d}"
        if self.expires <= timezone.now():
            return f"expired on {self.expires:%Y-%m-%d}"
        return "not needed: the account is active" if self.user.is_active else "open"


class SignOnIdentity(models.Model):
    """Who an account belongs to at a provider of OpenID Connect."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=500, help_text="the provider's address")
    subject = models.CharField(max_length=255, help_text="what the provider calls the person")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galsignonidentities"
        verbose_name = "sign-on identity"
        verbose_name_plural = "sign-on identities"
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], name="galsignonidentities_subject"
            ),
            models.UniqueConstraint(fields=["issuer", "user"], name="galsignonidentities_user"),
        ]

    def __str__(self):
        return f"{self.user} at {self.issuer}"


class InjectionSummary(models.Model):
    """The summary of a run of artificial stars: what ``inject`` found, of which nothing else stays.

    ``rows`` are dicts of ``quantity``, ``n``, ``value``, ``low`` and ``high`` (68 % interval), with
    ``magnitude`` and ``sigma`` as [from, to], ``crowding`` and ``amplitude``; None is open or
    unknown.
    """

    made = models.DateTimeField(auto_now_add=True)
    code_version = models.CharField(max_length=64, blank=True)
    reference = models.CharField(max_length=100, help_text="the exposure's identifier")
    filter = models.CharField(max_length=80)
    n_searches = models.PositiveIntegerField(help_text="exposures searched for changes")
    seed = models.BigIntegerField(help_text="of the first round")
    n_rounds = models.PositiveIntegerField(help_text="each with other stars")
    n_stars = models.PositiveIntegerField(help_text="put into references, in all rounds")
    n_measurements = models.PositiveIntegerField(help_text="of these on search images")
    half_complete_mag = models.FloatField(
        null=True, help_text="half of the stars are found on references; null: never"
    )
    rows = models.JSONField(help_text="shares by magnitude, crowding, amplitude and significance")

    class Meta:
        db_table = "galinjections"
        verbose_name = "summary of artificial stars"
        verbose_name_plural = "summaries of artificial stars"
        default_permissions = ()
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.n_stars:,} artificial stars in {self.reference} {self.filter}"


class PracticeRunQuerySet(models.QuerySet):
    """Runs of practice by person and score."""

    def scored(self, user):
        """A person's finished runs with ``n_right`` of ``n_items``, the latest first."""
        tops = models.Q(items__answer=models.F("items__truth"))
        return (
            self.filter(user=user, finished__isnull=False)
            .annotate(n_items=models.Count("items"), n_right=models.Count("items", filter=tops))
            .order_by("-pk")
        )


class PracticeRun(models.Model):
    """Known stars that a person practises on. Nothing else reads these."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="practice_runs"
    )
    begun = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)

    objects = PracticeRunQuerySet.as_manager()

    class Meta:
        db_table = "galpracticeruns"
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(finished=None), name="galpracticeruns_one_open"
            )
        ]

    def __str__(self):
        return f"practice of {self.user_id}"

    @property
    def score(self) -> tuple[int, int]:
        """The number of right answers, and of all answers so far."""
        given = list(self.items.exclude(answer=None).values_list("answer_id", "truth_id"))
        return sum(one == truth for one, truth in given), len(given)


class PracticeItem(models.Model):
    """A known candidate, or a simulated star, in a run of practice."""

    run = models.ForeignKey(PracticeRun, on_delete=models.CASCADE, related_name="items")
    rank = models.PositiveSmallIntegerField(help_text="in the order of the run")
    refsource_id = models.BigIntegerField(null=True, help_text="null: simulated")
    kind = models.CharField(max_length=10, blank=True, help_text="of the simulator")
    seed = models.PositiveIntegerField(default=0, help_text="of the simulated star")
    truth = models.ForeignKey("variables.TaxonomyClass", on_delete=models.CASCADE, related_name="+")
    answer = models.ForeignKey(
        "variables.TaxonomyClass", null=True, on_delete=models.CASCADE, related_name="+"
    )
    answered = models.DateTimeField(null=True)

    class Meta:
        db_table = "galpracticeitems"
        constraints = [
            models.UniqueConstraint(fields=["run", "rank"], name="galpracticeitems_rank")
        ]

    def __str__(self):
        return f"{self.rank} of run {self.run_id}"

    @property
    def is_right(self) -> bool:
        return self.answer_id == self.truth_id
