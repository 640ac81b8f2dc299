"""manage.py draft_entry: a draft of a candidate's entry for VSX or TNS, as files."""

from pathlib import Path

from django.core.management.base import CommandError

from exposures.errors import GalprojectError
from exposures.input.numbers import BIGINT_MAX
from exposures.management.base import SurveyCommand
from exposures.management.numbers import WholeNumber
from variables.drafts.draft import TITLES
from variables.drafts.facts import facts_of
from variables.drafts.writing import draft_for, write_draft


class Command(SurveyCommand):
    help = (
        "Write a draft of an entry for VSX or TNS, for a person to check and send: of a candidate "
        "that people agree on."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "candidate",
            type=WholeNumber(1, BIGINT_MAX),
            metavar="OBJECT",
            help="the candidate's number, as its page has it",
        )
        parser.add_argument(
            "--for", dest="to", choices=list(TITLES), required=True, help="whose form"
        )
        parser.add_argument(
            "--out", type=Path, required=True, metavar="FOLDER", help="is made where it is missing"
        )

    def handle(self, *, candidate, to, out, **options):
        try:
            facts = facts_of(candidate)
            draft, paths = draft_for(to, facts), write_draft(to, facts, out)
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        for line in draft.text.splitlines():
            self.stdout.write(line)
        self.stdout.write(f"Written: {', '.join(map(str, paths))}")
