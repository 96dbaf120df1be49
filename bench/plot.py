"""Draw what bench/run.py measured: seconds by lines, for floor, audit and the peers.

echo '{"audit 1M lines": [3.1, 4.2]}' | bench/.venv/bin/python bench/plot.py OUT.svg
"""

import json
import re
import sys

import matplotlib as mpl
from matplotlib import pyplot as plt

MILLION = 1_000_000
SIZES = {"1,000": 1000, "1M": MILLION, "10M": 10 * MILLION, "100M": 100 * MILLION}


def main() -> int:
    mpl.rcParams["svg.hashsalt"] = "curecon"  # the same figures give the same file
    times = json.load(sys.stdin)
    curves: dict[str, list[tuple[int, float]]] = {}
    for title, (wall, _) in times.items():
        read = re.fullmatch(r"(.+) (1,000|1M|10M|100M) lines", title)
        if read:
            curves.setdefault(read[1], []).append((SIZES[read[2]], wall))
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, points in curves.items():
        lines, seconds = zip(*sorted(points), strict=True)
        axes.loglog(lines, seconds, marker="o", label=name)
    axes.set(xlabel="lines of the bill", ylabel="seconds, whole process on two cores")
    axes.grid(visible=True, which="major", alpha=0.4)
    axes.legend()
    figure.savefig(sys.argv[1], metadata={"Date": None}, bbox_inches="tight")
    return 0


if __name__ == "__main__":
    sys.exit(main())
