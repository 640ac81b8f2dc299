"""Published catalogues from file to magnitude: loads, matches, and zero points, in one JSON line.

Runs published_loads.py, matched_stars.py and absolute_zero_points.py, which say what their figures
are and can be run alone, too.

    python benchmarks/matches.py [--quick]
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import absolute_zero_points, matched_stars, published_loads

PARTS = {"loads": published_loads, "matches": matched_stars, "zero_points": absolute_zero_points}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small samples, under 50 s")
    quick = parser.parse_args().quick
    print(json.dumps({name: part.figures(quick) for name, part in PARTS.items()}))


if __name__ == "__main__":
    main()
