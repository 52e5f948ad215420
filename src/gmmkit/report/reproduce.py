"""The Python that makes the same model again, and asks of it what was asked, from a model's record."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any, get_args

from gmmkit.files.record import DETECTOR, GENERATOR, ModelRecord
from gmmkit.model.covariance.catalogue import structures_for
from gmmkit.report import factors as analysers
from gmmkit.report.factors import FACTORS, factors_call
from gmmkit.report.invocation import option_of, path_of, words_of
from gmmkit.report.python import INDENT, WIDE, as_python, call, differing, quoted, sizes_of
from gmmkit.report.search_table import Search
from gmmkit.selection.bootstrap import BootstrapKind
from gmmkit.selection.class_records import CLASSIFIER
from gmmkit.selection.records import CLUSTERER, DENSITY
from gmmkit.selection.search import DEFAULTS
from gmmkit.selection.stacking import DENSITY_DEFAULTS

__all__ = ["python_of"]

# Defaults of the estimators: what equals them is not written. A test holds them to it.
ONE_FIT: dict[str, Any] = {
    "covariance_type": "full", "tol": 1e-3, "reg_covar": "auto", "max_iter": 100, "n_init": 1,
    "init_params": "kmeans", "random_state": None, "on_singular": "auto",
    "prior": None, "equal_weights": False, "noise": None, "noise_volume": "auto", "acceleration": None,
    "warm_up": None, "n_init_stop": None, "truncation": None, "n_factors": None, "dtype": None,
}  # fmt: skip
STUDENT: dict[str, Any] = {"degrees_of_freedom": "common", **ONE_FIT}
SEARCH: dict[str, Any] = {
    "criterion": "bic", **DEFAULTS, "reg_covar": "auto", "random_state": 0,
    "prior": None, "equal_weights": False, "noise": None, "noise_volume": "auto", "folds": 10,
}  # fmt: skip
_NO_DEFAULT = object()
# The function that merges by each rule.
_MERGING = {"entropy": "merge_by_entropy", "misclassification": "merge_by_misclassification"}
CLUSTERS: dict[str, Any] = {"n_clusters": "auto", "covariance_type": "all", "random_state": 0}
CLASSES: dict[str, Any] = {
    "model": "EDDA", "n_components": [1, 2, 3, 4, 5], "covariance_type": "all", "criterion": "bic", "priors": None,
    "shrinkage": 0.0, "calibration": None, "min_eigenvalue": 0.01, "folds": 10, "unlabelled": "auto", "tol": 1e-7,
    "reg_covar": "auto", "max_iter": 1000, "random_state": 0,
}  # fmt: skip
DETECTIONS: dict[str, Any] = {
    "contamination": "auto", "p_value": 0.05, "novelty": False, "calibration": "cross", "random_state": 0,
}  # fmt: skip
# Those that do nothing with labels, which may then be empty.
_ONLY_NAMED = (DENSITY, DETECTOR, FACTORS)
# Estimators that are made whole, and what shows what they found.
_WHOLE: dict[str, tuple[dict[str, Any], str]] = {
    CLUSTERER: (CLUSTERS, "print(model.reason_, model.labels_)"),
    CLASSIFIER: (CLASSES, "print(model.covariance_type_, model.n_components_, model.priors_)"),
    DETECTOR: (DETECTIONS, "print(model.offset_, model.reference_scores_)"),
    DENSITY: (
        {name: list(v) if isinstance(v, tuple) else v for name, v in DENSITY_DEFAULTS.items()} | {"random_state": 0},
        "print(model.held_out_score_, model.mixture_)",
    ),
}

# What may fit the mixtures of a generator, and its defaults.
_FITTERS: dict[str, dict[str, Any]] = {
    "GaussianMixture": ONE_FIT | {"n_components": 1},
    "StudentMixture": STUDENT | {"n_components": 1},
    "GaussianMixtureSearch": SEARCH,
    DENSITY: _WHOLE[DENSITY][0],
    FACTORS: analysers.ONE_FIT,
    f"{FACTORS}Search": analysers.SEARCH,
}


def python_of(record: ModelRecord) -> str:
    """Return Python that fits the same model to the same rows, and asks the same of it, ready to run.

    Where the record does not say which file the rows came from, they are called ``X``.

    Parameters
    ----------
    record : ModelRecord

    Returns
    -------
    str

    Examples
    --------
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    >>> print(python_of(ModelRecord(mixture, provenance={"source": "points.csv"})))
    from gmmkit import GaussianMixture, open_table
    <BLANKLINE>
    table = open_table("points.csv")
    model = GaussianMixture(1, covariance_type="spherical")
    model.fit(table)
    print(model.weights_, model.means_)
    """
    search = Search.read(record)
    factors = record.estimator == FACTORS
    if record.estimator in _WHOLE:
        name = record.estimator
    elif factors:
        name, arguments = factors_call(record)
    elif search is not None:
        name = "GaussianMixtureSearch"
    else:
        name = "GaussianMixture" if record.mixture.degrees_of_freedom is None else "StudentMixture"
    rows, opener, opening = _rows(record)
    fitted_to = f"{rows}, start={rows}.labels.codes" if "--start-labels" in words_of(record) else rows
    if name == CLASSIFIER:
        opening, fitted_to = [*opening, _labels_of(record)], f"{rows}, y"
    if record.estimator == GENERATOR:
        names, opening, making = _generator(record, rows, opening)
        name, opener = GENERATOR, [*opener, *names]
    elif name in _WHOLE:
        defaults, shown = _WHOLE[name]
        making = [call(f"model = {name}", differing(dict(record.settings), defaults)), f"model.fit({fitted_to})", shown]
    elif factors:
        making = [call(f"model = {name}", arguments), f"model.fit({rows})", "print(model.mixture_)"]
        making.append(f"print(model.transform({rows}))")
    elif search is None:
        making = [call(f"model = {name}", _one_fit(record)), f"model.fit({fitted_to})"]
        making.append("print(model.weights_, model.means_)")
    else:
        making = [call("search = GaussianMixtureSearch", _search(record, search)), f"search.fit({fitted_to})"]
        making += ["model = search.best_estimator_", "print(model, model.weights_, model.means_)"]
    if isinstance(record.settings.get("prior"), Mapping):
        opener = [*opener, "ConjugatePrior"]
    asking = {} if name in _WHOLE or name == GENERATOR or factors else _questions(record, search, rows)
    numpy = ["import numpy as np", ""] if any("np." in line for line in opening) else []
    return "\n".join([*numpy, _imports([name, *opener, *asking]), "", *opening, *making, *asking.values()])


def _generator(record: ModelRecord, rows: str, opening: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return what a generator needs, the lines that open the rows it was fitted to, and those that fit it and draw."""
    settings = dict(record.settings)
    bounds, seed = settings.get("bounds"), settings.get("random_state")
    needed, arguments = list[str](), list[str]()
    if settings.get("estimator") is not None:
        needed, written = _fitter(settings["estimator"])
        if needed:
            arguments.append(written)
        else:
            opening = [*opening, written]
    if isinstance(bounds, list):
        ends = [f"{as_python(column)}: ({_end(low)}, {_end(high)})" for column, (low, high) in bounds]
        arguments.append(f"bounds={{{', '.join(ends)}}}")
    arguments += [f"random_state={seed}"] if isinstance(seed, int) and seed else []
    fitted_to = rows
    if record.fit.get("classes") is not None:
        opening, fitted_to = [*opening, _labels_of(record)], f"{rows}, y"
    number = option_of(record, "-n") or option_of(record, "--number") or "1000"
    drawing = f"drawn, classes = model.sample({number}{f', random_state={seed}' if isinstance(seed, int) else ''})"
    made = [call(f"model = {GENERATOR}", arguments), f"model.fit({fitted_to})", drawing]
    return needed, opening, [*made, f"print(model.fidelity({rows}))"]


def _fitter(known: object) -> tuple[list[str], str]:
    """Return names, and the argument that needs them: what fits a generator's mixtures; without names, a comment."""
    name, settings = _part(known, "name"), _part(known, "settings")
    defaults = _FITTERS.get(str(name))
    if defaults is None or not isinstance(settings, Mapping):
        return [], f"# The mixtures were fitted by another estimator, which cannot be written here: {name}"
    # Of sizes, structures and starts there are no defaults here: what is asked for is written.
    asked = {key: value for key, value in settings.items() if key in defaults or value not in (None, False)}
    order = dict.fromkeys(["n_components", "n_factors", "covariance_type", *defaults, *asked])
    written = differing(asked, {key: defaults.get(key, _NO_DEFAULT) for key in order})
    prior = ["ConjugatePrior"] if isinstance(asked.get("prior"), Mapping) else []
    return [str(name), *prior], f"estimator={name}({', '.join(written)})"


def _end(value: object) -> str:
    return repr(value) if isinstance(value, (int, float)) and abs(value) < float("inf") else "None"


def _labels_of(record: ModelRecord) -> str:
    """Return the line that gives a classifier its labels: those of the column that was named, numbers where all are."""
    if path_of(record) is None or option_of(record, "--label") is None:
        return "# y: the label of each row"
    classes = record.fit.get("classes")
    whole = isinstance(classes, list) and all(isinstance(label, int) for label in classes)
    unlabelled = record.settings.get("unlabelled")
    numbers = ".astype(int)" if whole and not isinstance(unlabelled, str) else ""
    return f"y = np.array(table.labels.names)[table.labels.codes]{numbers}"


def _imports(names: list[str]) -> str:
    """Return the line, or lines, that import some of gmmkit's names: classes, then functions."""
    names = sorted(names)
    line = f"from gmmkit import {', '.join(names)}"
    return line if len(line) <= WIDE else "\n".join(["from gmmkit import (", *(f"{INDENT}{n}," for n in names), ")"])


def _rows(record: ModelRecord) -> tuple[str, list[str], list[str]]:
    """Return what to fit to, the function that opens it, and the lines that do."""
    if words_of(record)[:2] == ["gmmkit", "demo"]:
        return "table", ["open_old_faithful"], ["table = open_old_faithful()"]
    path = path_of(record)
    if path is None:
        d = record.mixture.n_features
        return "X", [], [f"# X: your rows, an array or data frame of {d} column{'s' * (d > 1)}"]
    arguments = [quoted(path)]
    columns = option_of(record, "--columns")
    if columns is not None:
        chosen = record.feature_names or next(csv.reader([columns], skipinitialspace=True), [])
        arguments.append(f"columns={as_python(list(chosen))}")
    for option in ("weights", "label"):
        column = option_of(record, f"--{option}")
        if column is not None:
            arguments.append(f"{option}={quoted(column)}")
    if record.estimator in _ONLY_NAMED and option_of(record, "--label") is not None:
        arguments.append("identifiers=True")
    return "table", ["open_table"], [call("table = open_table", arguments)]


def _questions(record: ModelRecord, search: Search | None, rows: str) -> dict[str, str]:
    """Return the function that answers each question that was asked of the fit, and the lines that ask it."""
    fit, asked = record.fit, {}
    rule = _MERGING.get(str(_part(fit.get("merging"), "rule")))
    if rule is not None:
        asked[rule] = f"tree = {rule}(model.mixture_, {rows})\nprint(tree.reason, tree.labels({rows}))"
    if isinstance(fit.get("information"), Mapping):
        made = call("information = observed_information", ["model", rows])
        asked["observed_information"] = f"{made}\nprint(information.summary())"
    n_replicates, kind = (_part(fit.get("bootstrap"), name) for name in ("n_replicates", "kind"))
    if isinstance(n_replicates, int) and kind in get_args(BootstrapKind):
        arguments = ["model", rows, f"n_replicates={n_replicates}", f"kind={as_python(kind)}", *_seed(record)]
        asked["bootstrap"] = f"{call('replicates = bootstrap', arguments)}\nprint(replicates.summary())"
    tests = fit.get("likelihood_ratio")
    test = tests[0] if isinstance(tests, list) and tests else None
    drawn = _part(test, "n_replicates")
    if isinstance(drawn, int):
        k = record.mixture.n_components
        arguments = [
            rows,
            str(max(k + 1, *(search.sizes if search is not None else [k]))),
            as_python(record.structure),
            f"n_replicates={drawn}",
            *(['starts="many"'] if _part(test, "starts") == "many" else []),
            *_seed(record),
        ]
        made = call("tests = likelihood_ratio_test", arguments)
        asked["likelihood_ratio_test"] = f"{made}\nprint(tests.summary())"
    return asked


def _part(found: object, name: str) -> Any:
    return found.get(name) if isinstance(found, Mapping) else None


def _seed(record: ModelRecord) -> list[str]:
    seed = record.settings.get("random_state")
    return [f"seed={seed}"] if isinstance(seed, int) and seed else []


def _one_fit(record: ModelRecord) -> list[str]:
    settings = {**record.settings, "covariance_type": record.structure}
    defaults = ONE_FIT if record.mixture.degrees_of_freedom is None else STUDENT
    return [str(settings.get("n_components", record.mixture.n_components)), *differing(settings, defaults)]


def _search(record: ModelRecord, search: Search) -> list[str]:
    settings = {**record.settings, "criterion": search.criterion}
    if "criterion" not in record.settings and "criterion" not in record.fit:
        # These settings are the winner's, not the search's.
        settings.pop("n_init", None)
    structures = _as_asked(search)
    every = structures == list(structures_for(record.mixture.n_features))
    types = "all" if every else structures if len(structures) > 1 else structures[0]
    arguments = [f"n_components={sizes_of(search.sizes)}", f"covariance_type={as_python(types)}"]
    return arguments + differing(settings, SEARCH)


def _as_asked(search: Search) -> list[str]:
    """Return the structures in an order that gives the same table: each after those that it was another name for."""
    left, ordered = search.structures, list[str]()
    while left:
        waiting = {row["covariance_type"] for row in search.copies if row["same_as"] in left}
        ordered.append(next((name for name in left if name not in waiting), left[0]))
        left = [name for name in left if name != ordered[-1]]
    return ordered
