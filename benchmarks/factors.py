"""Mixtures of factor analysers on 10,000 images of digits, 28×28: passes beside full covariances', and images rebuilt.

Passes are of one thread, seconds of the processor, the median of six after the first, each case in a process of its
own; memory is the high-water mark of start and passes above the data, which are float64. Images that no fit has seen
are rebuilt from their most probable component and its factors, one number more than there are factors, and from as many
principal components: the mean squared error of a pixel, grey values from 0 to 1, noise isotropic.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SHARED = Path(__file__).parents[2] / "shared"
IMAGES = SHARED / "data" / "digits" / "mnist_t10k-images-idx3-ubyte.gz"
COMPONENTS, FACTORS, PASSES, SEEN = 10, 10, 7, 9000
#: What is fitted: an estimator's name and its parameters beside the number of components.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("GaussianMixture", {"covariance_type": "full"}),
    "isotropic": ("MixtureOfFactorAnalyzers", {"n_factors": FACTORS, "noise": "isotropic"}),
    "shared diagonal": ("MixtureOfFactorAnalyzers", {"n_factors": FACTORS, "noise": "shared-diagonal"}),
    "diagonal": ("MixtureOfFactorAnalyzers", {"n_factors": FACTORS, "noise": "diagonal"}),
}


def digits() -> np.ndarray:
    with gzip.open(IMAGES) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16)
    return pixels.reshape(-1, 784) / 255.0


def status(field: str) -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def measured(case: str) -> dict[str, float]:
    """Time a fit's passes and note its memory; run in a process of its own."""
    import gmmkit

    warnings.simplefilter("ignore")
    name, given = CASES[case]
    rows, clock = digits(), list[float]()
    settings = {"tol": 0.0, "random_state": 0, "n_jobs": 1, **given}
    getattr(gmmkit, name)(2, max_iter=1, **settings).fit(rows[:400])  # everything loaded
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # the high-water mark begins again
    base = status("VmRSS")
    model = getattr(gmmkit, name)(
        COMPONENTS, max_iter=PASSES, callback=lambda _: clock.append(time.process_time()), **settings
    )
    model.fit(rows)
    parameters = model.mixture_.covariances.nbytes / 2**20
    return {
        "pass": float(np.median(np.diff(clock))),
        "memory": status("VmHWM") - base,
        "parameters": parameters,
    }


def rebuilt(k: int, q: int) -> tuple[float, float, float]:
    """Return errors of unseen images by k components of q factors and by principal components, and seconds."""
    from sklearn.decomposition import PCA

    from gmmkit import MixtureOfFactorAnalyzers

    rows = digits()
    seen, unseen = rows[:SEEN], rows[SEEN:]
    begun = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MixtureOfFactorAnalyzers(k, q, noise="isotropic", tol=0.05, random_state=0, n_jobs=1).fit(seen)
    spent = time.process_time() - begun
    pca = PCA(q + 1).fit(seen)
    backs = model.inverse_transform(model.transform(unseen, hard=True)), pca.inverse_transform(pca.transform(unseen))
    own_error, pca_error = (float(((back - unseen) ** 2).mean()) for back in backs)
    return own_error, pca_error, spent


def main(names: list[str]) -> list[str]:
    """Return the table's lines."""
    if not IMAGES.exists():
        return [f"Skipped: {IMAGES.name} is not beside the project."]
    lines = [
        f"| 10,000×784, k={COMPONENTS}, q={FACTORS} | a pass, s | memory above the data, MB | covariances, MB |",
        "|---|---|---|---|",
    ]
    full = 0.0
    for case in CASES if not names or "passes" in names else ():
        code = f"import json, benchmarks.factors as f; print(json.dumps(f.measured({case!r})))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        found = json.loads(out.splitlines()[-1])
        full = full or found["pass"]
        ratio = "" if case == "full" else f" (1/{full / found['pass']:.0f})"
        title = "full covariances" if case == "full" else f"factors, {case} noise"
        lines.append(f"| {title} | {found['pass']:.2f}{ratio} | {found['memory']:.0f} | {found['parameters']:.1f} |")
        print(lines[-1], flush=True)
    if not names or "images" in names:
        lines += [
            "",
            f"| {10_000 - SEEN:,} unseen images | numbers an image | mixture | principal components | fit, s |",
            "|---|---|---|---|---|",
        ]
        for k, q in ((COMPONENTS, 5), (COMPONENTS, FACTORS), (COMPONENTS, 20), (30, FACTORS)):
            own, pca, spent = rebuilt(k, q)
            lines.append(f"| k={k}, q={q} | {q + 1} | {own:.4f} ({own / pca:.2f}×) | {pca:.4f} | {spent:.0f} |")
            print(lines[-1], flush=True)
    return lines
