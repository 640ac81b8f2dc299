"""A made-up survey for demonstrations, tests and benchmarks, from the simulator's variables."""

from galproject.demo.seeding.campaigns import make_campaigns
from galproject.demo.seeding.flags import make_flags
from galproject.demo.seeding.people import make_people
from galproject.demo.seeding.pictures import (
    candidates_to_draw,
    chips_to_draw,
    draw_chips,
    draw_seeded_cutouts,
)
from galproject.demo.seeding.plan import SurveyPlan
from galproject.demo.seeding.published import write_published_sky
from galproject.demo.seeding.star_lists import make_star_list
from galproject.demo.seeding.survey import seed_survey
from galproject.demo.seeding.uploads import make_upload
from galproject.demo.seeding.watches import make_watch

__all__ = [
    "SurveyPlan",
    "candidates_to_draw",
    "chips_to_draw",
    "draw_chips",
    "draw_seeded_cutouts",
    "make_campaigns",
    "make_flags",
    "make_people",
    "make_star_list",
    "make_upload",
    "make_watch",
    "seed_survey",
    "write_published_sky",
]
