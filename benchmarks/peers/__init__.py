"""Seconds per EM pass of other programs, on one core, and how many times as long as gmmkit's in the same run.

Each runs by itself, held to one core and to the free memory, from the same parameters. Its processor time for a pass is
the difference between fits with few and with more passes, so that reading, compiling and starting cost nothing.
pomegranate and gmmx compute in float32: they are compared with float32 rows, the others with float64.
"""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.compiled import MissingError
from benchmarks.passes import how_many, in_floats, ours
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.workloads import SEVEN, Workload


def installed() -> tuple[dict[str, Peer], list[str]]:
    """Return peers that are here, by name and version, and a line for each that is not."""
    here: dict[str, Peer] = {}
    missing: list[str] = []
    for peer in PEERS:
        try:
            here[peer.version()] = peer
        except MissingError as reason:
            missing.append(f"Skipped {reason}.")
            print(missing[-1], flush=True)
    return here, missing


def line(load: Workload, peers: dict[str, Peer]) -> str:
    """Return a workload's line of the table."""
    rows, start = load.data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        passes = how_many(load)[0]
        mine = {
            64: float(np.median(ours(rows, start, load, 1, passes)[0])),
            32: float(np.median(in_floats(rows.astype(np.float32), start, load, passes))),
        }
    cells = [f"{seconds:.4g}" for seconds in mine.values()]
    for peer in peers.values():
        try:
            seconds = peer.passes(rows, start, load)
            cells.append(f"{seconds:.3g} ({seconds / mine[peer.bits]:.1f}×)")
        except MissingError as reason:
            cells.append(str(reason))
        print(f"{load.name} {peer.name}: {cells[-1]}", flush=True)
    return f"| {load} | {' | '.join(cells)} |"


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    peers, missing = installed()
    if not peers:
        return missing
    lines = [f"| workload | gmmkit, s | float32 rows | {' | '.join(peers)} |", "|---" * (len(peers) + 3) + "|"]
    lines += [line(load, peers) for load in SEVEN if not names or load.name in names]
    return lines + (["", *missing] if missing else [])
