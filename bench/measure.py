"""Run a command as a whole process and print what it took as JSON.

This program imports next to nothing: what it holds when it starts the command is the least that the
command's peak memory can be reported as. Its own output goes to stdout, the command's to a file.

    python bench/measure.py OUTPUT COMMAND...
"""

import json
import os
import resource
import subprocess
import sys
import time

CORES = 2


def main() -> int:
    output, *command = sys.argv[1:]
    # The bar is stated for two cores; DuckDB and polars count the cores that they may use.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with open(output, "wb") as stream:  # noqa: PTH123 (pathlib would weigh more than the rest)
        start = time.perf_counter()
        status = subprocess.call(command, stdout=stream, stderr=subprocess.STDOUT)
        wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Linux counts kilobytes, macOS bytes.
    bytes_of_a_unit = 1 if sys.platform == "darwin" else 1024
    print(
        json.dumps(
            {
                "status": status,
                "wall": wall,
                "cpu": used.ru_utime + used.ru_stime,
                "rss": used.ru_maxrss * bytes_of_a_unit,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
