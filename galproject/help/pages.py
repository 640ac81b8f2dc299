"""What is told of each page: what it is for, its words and its keys."""

from dataclasses import dataclass

from galproject.help.glossary import Term, term_called
from galproject.help.keys import EVERYWHERE, KeyLine, key_lists


@dataclass(frozen=True)
class PageHelp:
    """What is told of a page."""

    title: str
    text: str
    words: tuple[str, ...] = ()  # of the glossary
    keys: str = ""  # the name of its list of keys

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(map(term_called, self.words))

    @property
    def key_lines(self) -> tuple[KeyLine, ...]:
        lists = key_lists()
        return (*lists.get(self.keys, ()), *lists[EVERYWHERE])


# By the names of their addresses.
PAGES = {
    "home": PageHelp(
        "The first page",
        "How the survey stands and where it lies. Everything on it leads further: to the "
        "candidates behind a number, to campaigns that wait for your votes, and to what failed.",
        ("candidate", "detection", "campaign", "field"),
    ),
    "candidates": PageHelp(
        "Candidates",
        "Stars that changed or vary, one row each. Filter them above the table, sort by a heading, "
        "keep a list under a name, share its address, export it, or vet it. A row leads to the "
        "candidate's own page.",
        ("candidate", "detection", "cause", "known", "varies", "significance", "consensus"),
    ),
    "candidate": PageHelp(
        "A candidate",
        "All that is known of one candidate: light curves over time and folded by a period, "
        "cutouts of every epoch, neighbours, matches with published catalogues, and what people "
        "say. Its address follows the fold, so that a copied link opens it folded as you see it.",
        ("period", "cutout", "detection", "cut", "blend", "trend", "upper limit", "vote"),
        "candidate",
    ),
    "vetting": PageHelp(
        "Vetting",
        "Campaigns, in which people vet frozen lists of candidates. Votes are blind: you see what "
        "others say of a candidate after your own vote on it.",
        ("campaign", "card", "contact sheet", "blind", "gold", "vote"),
    ),
    "campaign": PageHelp(
        "A campaign",
        "How far a campaign is, and what follows from it once it is closed: what people agree on, "
        "how well, and what they dispute.",
        ("campaign", "consensus", "disputed", "gold", "blind"),
    ),
    "vet": PageHelp(
        "Vetting candidates",
        "Say of each candidate what it is; the key of a class votes. What can't be told from what "
        "is shown is “uncertain”. Skip what you want to come back to; nothing is lost by an undo.",
        ("vote", "class", "artifact", "period"),
        "card",
    ),
    "practice": PageHelp(
        "Practice",
        "Known stars to try your eye on. After each answer you are told what it is and why. It "
        "counts nowhere, and can be repeated.",
        ("gold", "class", "period"),
    ),
    "plane": PageHelp(
        "All stars",
        "Two statistics of every star of a catalogue as a density. Draw round stars to list them; "
        "a list can be vetted.",
        ("plane of all stars", "varies", "light curve"),
    ),
    "flags": PageHelp(
        "Artifacts",
        "Flags hide what is no star that changed, and say who made them and why. The pipeline "
        "proposes some; they hide nothing until a curator accepts them.",
        ("flag", "proposal", "artifact"),
    ),
    "image": PageHelp(
        "A chip",
        "One detector's image of an exposure: its picture, its quality, its candidates, and flags "
        "on regions of it.",
        ("chip", "doubted image", "flag"),
    ),
    "references": PageHelp(
        "References",
        "Which images all others are compared with, at a position and in a filter, and which would "
        "be better.",
        ("reference image", "reference set", "stack", "reference catalogue"),
    ),
    "working_status": PageHelp(
        "Working status",
        "What the workers do: exposures that were asked for, with their chips by state, and what "
        "failed and why.",
        ("job", "worker", "queue", "checkpoint"),
    ),
    "exposure": PageHelp(
        "An exposure",
        "The chips of one exposure with their results, and its log.",
        ("exposure", "chip", "checkpoint", "doubted image"),
    ),
    "quality": PageHelp(
        "Quality over time",
        "Figures of quality of each exposure; each mark leads to one.",
        ("figure of quality", "seeing", "zero point", "doubted image"),
    ),
    "coverage": PageHelp(
        "Coverage",
        "Where exposures lie on the sky, and how often each place was visited; a click lists the "
        "exposures at a place.",
        ("exposure", "field", "footprint"),
    ),
    "diagrams": PageHelp(
        "Diagrams",
        "Variables by class in diagrams of colour, magnitude, period and amplitude. Each point "
        "leads to its candidate; what is blind to you is not drawn.",
        ("class", "colour, published", "absolute magnitude", "period", "blind"),
    ),
    "gallery": PageHelp(
        "Gallery",
        "Folded light curves of candidates side by side, by class and by all filters of the list.",
        ("class", "period", "light curve", "blind"),
    ),
    "completeness": PageHelp(
        "Completeness",
        "Which share of artificial stars and changes is found, by magnitude, crowding, amplitude "
        "and significance.",
        ("source", "change", "significance"),
    ),
    "watches": PageHelp(
        "Watches",
        "Saved searches that you watch: how many news of each you have not seen, how you are told, "
        "and the addresses of your feeds.",
        ("watch", "notice", "blind"),
    ),
    "watch": PageHelp(
        "A watch",
        "What is new in a saved search: candidates that came into its list, are of another class, "
        "or vary by more than they did, the latest first.",
        ("watch", "candidate", "consensus", "blind"),
    ),
    "nights": PageHelp(
        "Nights",
        "The latest nights with exposures. Each leads to its report.",
        ("exposure", "notice"),
    ),
    "night": PageHelp(
        "The report of a night",
        "What was observed in a night and how well, what failed, which stars were detected for the "
        "first time, and which sources the reference lacks, such as novae.",
        ("exposure", "chip", "seeing", "candidate", "source", "doubted image"),
    ),
    "api_documentation": PageHelp(
        "The API",
        "How scripts and notebooks read the survey, with a token that you make here.",
        ("token", "measurement", "refsource_id"),
    ),
}
ANY = PageHelp(
    "This page",
    "Nothing more is told of this page in particular. The glossary has its words.",
)


def help_for(name) -> PageHelp:
    """What is told of the page whose address has a name."""
    return PAGES.get(name, ANY)
