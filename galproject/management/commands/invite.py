"""manage.py invite: a link for one use, by which a person begins to use their account."""

from getpass import getuser

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import URLValidator, validate_email

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from galproject.invitations.inviting import (
    MAX_DAYS,
    InvitationError,
    invite,
    link_of,
    send_link,
    withdraw,
)
from galproject.models import Invitation


class Command(SurveyCommand):
    help = (
        "Make an account in a group, inactive until it is used, and print a link for one use: the "
        "person opens it, chooses a password and is in. A second call for the same name gives a "
        "new link in the place of the one before."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", metavar="NAME", help="of the account")
        parser.add_argument(
            "group", nargs="?", metavar="GROUP", help="readers, vetters, curators, operators, ..."
        )
        parser.add_argument(
            "--email", default="", metavar="ADDRESS", help="where to mail the link to"
        )
        parser.add_argument(
            "--days",
            type=WholeNumber(1, MAX_DAYS),
            default=7,
            metavar="N",
            help="that the link is good for (default 7)",
        )
        parser.add_argument(
            "--site",
            default="",
            metavar="URL",
            help="the address of the site (default: the first of GALPROJECT_ORIGINS)",
        )
        parser.add_argument("--list", action="store_true", help="print all invitations")
        parser.add_argument("--withdraw", metavar="NAME", help="make somebody's link useless")

    def handle(self, *, name, group, withdraw, **given):
        asked = [bool(name), given["list"], withdraw is not None]
        if sum(asked) != 1 or bool(name) != bool(group):
            raise CommandError("Give NAME and GROUP, or --list, or --withdraw NAME")
        with plain_errors():
            if given["list"]:
                self.list_all()
            elif withdraw is not None:
                self.withdraw(withdraw)
            else:
                self.invite(name, group, given)

    def invite(self, name, group, given):
        _check(validate_email, given["email"], "--email is an address such as annie@example.org")
        _check(URLValidator(["http", "https"]), given["site"], "--site is https://...")
        invitation, key = invite(name, group, given["days"], given["email"], getuser())
        link = link_of(key, given["site"])
        self.stdout.write(link)
        self.stderr.write(
            f"For one use by {name}, until {invitation.expires:%Y-%m-%d %H:%M} UTC. The link is "
            "stored nowhere"
        )
        if invitation.email:
            self.mail(invitation, link)

    def mail(self, invitation, link):
        try:
            send_link(invitation, link)
        except InvitationError as error:
            raise CommandError(f"{error}. The link above is good nevertheless") from error
        self.stderr.write(f"Mailed to {invitation.email}")

    def withdraw(self, name):
        withdraw(name)
        self.stdout.write(f"The link of {name} opens nothing any more; the account is inactive")

    def list_all(self):
        for one in Invitation.objects.select_related("user"):
            until = f"until {one.expires:%Y-%m-%d %H:%M}"
            self.stdout.write(
                f"{one.user.get_username()}: {one.state}, {until} {one.email}".strip()
            )


def _check(validator, value, words):
    try:
        if value:
            validator(value)
    except ValidationError:
        raise CommandError(words) from None
