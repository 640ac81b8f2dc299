"""Fill the empty, migrated database of DATABASE_URL with a made-up survey of 2,000 exposures.

2 million candidates, 10 million changes, 1 million votes and 5,952 reference catalogues with few
rows each; with --share of a part of it. For benchmarks, and for plans of the database at full size.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")

import django

django.setup()

from benchmarks.survey_rows.filling import fill, to_stderr  # noqa: E402
from benchmarks.survey_rows.size import SurveySize  # noqa: E402
from exposures.models import GalExposure  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the survey; 0.05: a twentieth")
    share = parser.parse_args().share
    if GalExposure.objects.exists():
        raise SystemExit("This database has exposures: give DATABASE_URL of an empty one")
    fill(SurveySize.of_share(share), to_stderr)


if __name__ == "__main__":
    main()
