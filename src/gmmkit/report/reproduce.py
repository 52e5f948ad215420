"""The Python that makes the same model again, from a model's record."""

from __future__ import annotations

import csv
from typing import Any

from gmmkit.files.record import ModelRecord
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.report.invocation import option_of, path_of, words_of
from gmmkit.report.subject import Search
from gmmkit.selection.search import DEFAULTS

__all__ = ["python_of"]

# Defaults of GaussianMixture and GaussianMixtureSearch: what equals them is not written. A test holds them to it.
ONE_FIT: dict[str, Any] = {
    "covariance_type": "full", "tol": 1e-3, "reg_covar": "auto", "max_iter": 100, "n_init": 1,
    "init_params": "kmeans", "random_state": None, "on_singular": "auto",
    "prior": None, "equal_weights": False, "noise": None,
}  # fmt: skip
STUDENT: dict[str, Any] = {"degrees_of_freedom": "common", **ONE_FIT}
SEARCH: dict[str, Any] = {
    "criterion": "bic", **DEFAULTS, "reg_covar": "auto", "random_state": 0,
    "prior": None, "equal_weights": False, "noise": None,
}  # fmt: skip
_WIDE = 88
_INDENT = "    "


def python_of(record: ModelRecord) -> str:
    """Return Python that fits the same model to the same rows, ready to run.

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
    if record.estimator == "MixtureClusterer":
        name = record.estimator
    elif search is not None:
        name = "GaussianMixtureSearch"
    else:
        name = "GaussianMixture" if record.mixture.degrees_of_freedom is None else "StudentMixture"
    rows, opening, imports = _rows(record)
    if name == "MixtureClusterer":
        making = [_call(f"model = {name}", _clusterer(record)), f"model.fit({rows})"]
        making.append("print(model.reason_, model.labels_)")
    elif search is None:
        making = [_call(f"model = {name}", _one_fit(record)), f"model.fit({rows})"]
        making.append("print(model.weights_, model.means_)")
    else:
        making = [_call("search = GaussianMixtureSearch", _search(record, search)), f"search.fit({rows})"]
        making += ["model = search.best_estimator_", "print(model, model.weights_, model.means_)"]
    return "\n".join([*(line.format(name=name) for line in imports), "", *opening, *making])


def _rows(record: ModelRecord) -> tuple[str, list[str], list[str]]:
    """Return what to fit to, the lines that open it, and the imports."""
    if words_of(record)[:2] == ["gmmkit", "demo"]:
        opening = ["table = open_old_faithful()"]
        return "table", opening, ["from gmmkit import {name}, open_old_faithful"]
    path = path_of(record)
    if path is None:
        d = record.mixture.n_features
        told = [f"# X: your rows, an array or data frame of {d} column{'s' * (d > 1)}"]
        return "X", told, ["from gmmkit import {name}"]
    arguments = [_text(path)]
    columns = option_of(record, "--columns")
    if columns is not None:
        chosen = record.feature_names or next(csv.reader([columns], skipinitialspace=True), [])
        arguments.append(f"columns={_value(list(chosen))}")
    for option in ("weights", "label"):
        column = option_of(record, f"--{option}")
        if column is not None:
            arguments.append(f"{option}={_text(column)}")
    return "table", [_call("table = open_table", arguments)], ["from gmmkit import {name}, open_table"]


def _one_fit(record: ModelRecord) -> list[str]:
    settings = {"covariance_type": record.mixture.covariance_type, **record.settings}
    defaults = ONE_FIT if record.mixture.degrees_of_freedom is None else STUDENT
    return [str(settings.get("n_components", record.mixture.n_components)), *_differing(settings, defaults)]


def _clusterer(record: ModelRecord) -> list[str]:
    structures = option_of(record, "--covariance")
    given = [] if structures in (None, "all") else [f"covariance_type={_value(str(structures).split(','))}"]
    n = record.settings.get("n_clusters", "auto")
    defaults = {"random_state": 0}
    return [*([] if n == "auto" else [f"n_clusters={n}"]), *given, *_differing(dict(record.settings), defaults)]


def _search(record: ModelRecord, search: Search) -> list[str]:
    settings = {**record.settings, "criterion": search.criterion}
    if "criterion" not in record.settings and "criterion" not in record.fit:
        # These settings are the winner's, not the search's.
        settings.pop("n_init", None)
    one_column = record.mixture.n_features == 1
    every = sorted(search.structures) == sorted(STRUCTURES[:2] if one_column else STRUCTURES)
    types = "all" if every else search.structures if len(search.structures) > 1 else search.structures[0]
    arguments = [f"n_components={_sizes(search.sizes)}", f"covariance_type={_value(types)}"]
    return arguments + _differing(settings, SEARCH)


def _sizes(sizes: list[int]) -> str:
    if len(sizes) == 1:
        return str(sizes[0])
    if sizes == list(range(sizes[0], sizes[-1] + 1)):
        return f"range({sizes[0]}, {sizes[-1] + 1})"
    return str(sizes)


def _differing(settings: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    plain = (str, int, float, type(None))
    return [
        f"{key}={_value(settings[key])}"
        for key, default in defaults.items()
        if key in settings and isinstance(settings[key], plain) and settings[key] != default
    ]


def _call(function: str, arguments: list[str]) -> str:
    """Return a call, an argument a line where it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _WIDE:
        return line
    return "\n".join([f"{function}(", *(f"{_INDENT}{argument}," for argument in arguments), ")"])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)


def _text(text: str) -> str:
    """Return a text as Python writes it, in double quotes where that needs no escape."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written and "\\'" not in written else written
