"""Become another program, held to one core and to most of the free memory: ``python alone.py COMMAND…``."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines())
        most = int(fields["MemAvailable"].split()[0]) * 1024 * 4 // 5
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    os.execvp(sys.argv[1], sys.argv[1:])


main()
