"""The call that fits the same mixture of factor analysers again, from a model's record."""

from __future__ import annotations

from typing import Any

from gmmkit.files.record import ModelRecord
from gmmkit.report.invocation import words_of
from gmmkit.report.python import as_python, differing, sizes_of

__all__ = ["FACTORS", "factors_call"]

#: The class that fits them from Python.
FACTORS = "MixtureOfFactorAnalyzers"

# Defaults of the estimators: what equals them is not written. A test holds them to it.
ONE_FIT: dict[str, Any] = {
    "noise": "diagonal", "tol": 1e-3, "reg_covar": "auto", "max_iter": 100, "n_init": 1, "init_params": "kmeans",
    "random_state": None, "on_singular": "auto", "acceleration": None,
}  # fmt: skip
SEARCH: dict[str, Any] = {
    "criterion": "bic", "tol": 1e-6, "reg_covar": "auto", "max_iter": 1000, "n_init": 1, "init_params": "kmeans",
    "random_state": 0,
}  # fmt: skip


def factors_call(record: ModelRecord) -> tuple[str, list[str]]:
    """Return the class and its arguments: of the search, where one was made, and the command line makes no other."""
    settings, rows = dict(record.settings), list(record.table or ())
    if not rows and words_of(record)[1:2] != ["reduce"]:
        sizes = [str(settings.get(name, 1)) for name in ("n_components", "n_factors")]
        return FACTORS, [*sizes, *differing(settings, ONE_FIT)]
    rows = rows or [settings]
    by_noise: dict[str, set[int]] = {}
    for row in rows:
        by_noise.setdefault(str(row["noise"]), set()).add(int(row["n_factors"]))
    components = sorted({int(row["n_components"]) for row in rows})
    factors = list(by_noise.values())
    # Only "auto" tries more of one noise than of another.
    wanted = sizes_of(sorted(factors[0])) if all(tried == factors[0] for tried in factors) else '"auto"'
    noises = list(dict.fromkeys(str(row["noise"]) for row in sorted(rows, key=lambda row: _ORDER.index(row["noise"]))))
    settings["criterion"] = record.fit.get("criterion", "bic")
    arguments = [sizes_of(components), wanted]
    if noises != ["diagonal", "isotropic"]:
        arguments.append(f"noise={as_python(noises[0] if len(noises) == 1 else noises)}")
    return f"{FACTORS}Search", arguments + differing(settings, SEARCH)


_ORDER = ["diagonal", "isotropic", "shared-diagonal", "shared-isotropic"]
