"""Peak memory of fits and predictions that must not hold their data: each in a process of its own, from /proc."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROWS, COLUMNS, COMPONENTS = 10_000_000, 8, 8
FILE_ROWS = 5_000_000

_IN_PROCESS = """
import sys, threading, time, warnings
import numpy as np
warnings.simplefilter("ignore")
from gmmkit import GaussianMixture
GaussianMixture(2).fit(np.random.default_rng(0).normal(size=(100, 3)))  # everything imported and loaded
def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024
base, peak, done = anonymous(), [0.0], threading.Event()
def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], anonymous())
rows = np.lib.format.open_memmap(sys.argv[1], mode="r")
watcher = threading.Thread(target=watch); watcher.start()
begun = time.perf_counter()
model = GaussianMixture(8, max_iter=4, tol=0.0, random_state=0, n_jobs=2).fit(rows)
fitted, fit_seconds = peak[0] - base, time.perf_counter() - begun
peak[0], begun = 0.0, time.perf_counter()
labels = model.predict(rows)
done.set(); watcher.join()
print(fitted, fit_seconds, peak[0] - base, time.perf_counter() - begun, labels.nbytes / 2**20)
"""


def write_rows(path: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(COMPONENTS, COLUMNS)) * 4.0
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(n, COLUMNS))
    for first in range(0, n, 500_000):
        part = rng.normal(size=(min(500_000, n - first), COLUMNS))
        rows[first : first + len(part)] = part + means[rng.integers(COMPONENTS, size=len(part))]
    rows.flush()


def peak_resident(command: list[str]) -> tuple[float, float]:
    """Return the peak resident MB of a command, and its seconds."""
    begun, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    status = Path(f"/proc/{process.pid}/status")

    def high_water() -> float:
        lines = status.read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)

    while process.poll() is None:
        peak = max(peak, high_water())
        threading.Event().wait(0.02)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return peak, time.perf_counter() - begun


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    lines = ["| what | peak MB | allowed MB | seconds |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder, "big.npy")
        write_rows(big, ROWS)
        out = subprocess.run([sys.executable, "-c", _IN_PROCESS, str(big)], capture_output=True, text=True, check=True)
        fitted, fit_seconds, predicted, predict_seconds, labels = map(float, out.stdout.split())
        shape = f"{ROWS:,}×{COLUMNS} float64 memmap, {COMPONENTS} full components"
        lines.append(f"| `fit`, {shape}, 4 passes: anonymous, above imports | {fitted:.0f} | 150 | {fit_seconds:.0f} |")
        lines.append(
            f"| `predict` on the same: anonymous, above imports | {predicted:.0f} | 150 + {labels:.0f} of labels "
            f"| {predict_seconds:.0f} |"
        )
        big.unlink()
        lines += files(Path(folder))
    print("\n".join(lines), flush=True)
    return lines


def files(folder: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source, csv, parquet = folder / "rows.npy", folder / "rows.csv", folder / "rows.parquet"
    write_rows(source, FILE_ROWS)
    rows = np.load(source, mmap_mode="r")
    with csv.open("w") as file:
        file.write(",".join(f"x{j}" for j in range(COLUMNS)) + "\n")
        for first in range(0, FILE_ROWS, 100_000):
            np.savetxt(file, rows[first : first + 100_000], fmt="%.7g", delimiter=",")
    schema = pa.schema([(f"x{j}", pa.float64()) for j in range(COLUMNS)])
    with pq.ParquetWriter(parquet, schema) as writer:
        for first in range(0, FILE_ROWS, 500_000):
            part = rows[first : first + 500_000]
            writer.write_table(pa.table({f"x{j}": part[:, j] for j in range(COLUMNS)}, schema=schema))
    lines = []
    for path in (csv, parquet):
        model = str(folder / "model.gmm")
        options = ["--components", "8", "--covariance", "full", "--max-iter", "5", "--quiet"]
        command = [sys.executable, "-m", "gmmkit", "fit", str(path), "-o", model, *options]
        peak, seconds = peak_resident(command)
        lines.append(
            f"| `gmmkit fit rows{path.suffix}`, {FILE_ROWS:,}×{COLUMNS}, 5 passes: all resident "
            f"| {peak:.0f} | 400 | {seconds:.0f} |"
        )
    return lines
