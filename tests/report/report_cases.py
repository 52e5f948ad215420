"""Tables, and records of searches and fits on them, as the command line makes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from page_reader import Element, read

from gmmkit.data import as_table
from gmmkit.data.faithful import open_old_faithful
from gmmkit.data.table import Labels, Table
from gmmkit.execution import Workers
from gmmkit.files import ModelRecord
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import Named
from gmmkit.inference.stopping import AitkenGain, SmallChange
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import family
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.model.mixture import Mixture
from gmmkit.report import render_report
from gmmkit.selection.clusters import ClusterSettings, find_clusters
from gmmkit.selection.merging import merge_by_entropy
from gmmkit.selection.parameters import Parameters, tabulated
from gmmkit.selection.records import record_of_clusters
from gmmkit.selection.search import SearchSettings, search

SCRIPT = "<script>alert('x')</script>"
ODD = (
    SCRIPT,
    'a & "b" = $x_1$',
    "tab\there, nul \x00 and \u202e",
    "a name that is rather long for a column of a table",
)


COMMAND = "gmmkit report 'my model.gmm'"


@dataclass(frozen=True)
class Case:
    record: ModelRecord
    table: Table | None


def searched(table, sizes, structures=("full", "tied"), source="faithful.csv", command=None, **more):
    settings = SearchSettings(
        n_components=sizes, covariance_types=structures, criterion="bic", n_init=1, tol=1e-7, smallest_eigenvalue=1e-4,
        fit=FitSettings(rule=AitkenGain(1e-7), max_iter=1000, seed=0),
    )  # fmt: skip
    found = search(table, settings, n_jobs=1)
    result = found.best.result
    return ModelRecord(
        result.mixture,
        feature_names=table.names,
        settings={"n_components": result.mixture.n_components, "tol": 1e-7, "max_iter": 1000, "random_state": 0},
        fit={**result.as_record(), "n_rows": table.n_rows, "criterion": "bic", "margin": found.margin},
        table=[candidate.as_row() for candidate in found.candidates],
        provenance={"source": source, "command": command or f"gmmkit fit {source}"},
        **more,
    )


def fitted(table, k, structure="full", *, source="points.csv", command=None, max_iter=200):
    with Workers(1) as workers:
        problem = Problem(table, family(structure), survey(table, workers), workers)
        result = fit(problem, [Named("kmeans", k)], FitSettings(rule=SmallChange(1e-3), max_iter=max_iter, seed=0))
    return ModelRecord(
        result.mixture,
        feature_names=table.names,
        settings={"n_components": k, "covariance_type": structure, "tol": 1e-3, "random_state": 0},
        fit={**result.as_record(), "n_rows": table.n_rows},
        provenance={"source": source, "command": command or f"gmmkit fit {source} -k {k} --covariance {structure}"},
    )


def blobs(k, d, n, seed=1):
    random = np.random.default_rng(seed)
    centres = random.uniform(-12, 12, (k, d))
    codes = np.arange(n) % k
    return centres[codes] + random.normal(size=(n, d)), codes


@cache
def case(name: str) -> Case:
    """Return one of `CASES`; each is fitted once."""
    return CASES[name]()


@cache
def page(name: str) -> str:
    """Return the report of a case, drawn once."""
    given = case(name)
    return render_report(given.record, table=given.table, command=COMMAND)


@cache
def tree(name: str) -> Element:
    """Return that report as a tree."""
    return read(page(name))


def _faithful():
    table = open_old_faithful()
    return Case(searched(table, range(1, 6), ("full", "tied", "diag")), table)


def _model_only():
    return Case(case("faithful").record, None)


def _labelled():
    rows, codes = blobs(3, 4, 150)
    labels = Labels(codes.astype(np.intp), ("setosa", SCRIPT, "virginica"))
    table = as_table(rows, names=["length", "width", "height", "depth"], origin="iris.csv")
    table = Table(table.source, table.names, labels=labels, origin="iris.csv")
    return Case(searched(table, [2, 3], source="iris.csv", command="gmmkit fit iris.csv --label species"), table)


def _thirty_columns():
    rows, _ = blobs(2, 30, 400)
    names = [f"a very long name of a measured quantity, number {j} of the list [mm/s²]" for j in range(30)]
    table = as_table(rows, names=names, origin="wide.parquet")
    return Case(searched(table, [1, 2], ("diag",), source="wide.parquet"), table)


def _one_column():
    rows, _ = blobs(3, 1, 90)
    table = as_table(rows, names=["velocity"], origin="galaxies.csv")
    return Case(searched(table, [1, 2, 3, 4], source="galaxies.csv"), table)


def _one_component():
    table = as_table(blobs(1, 2, 80)[0])
    return Case(fitted(table, 1), table)


def _twenty_components():
    rows, _ = blobs(20, 3, 4000)
    weights = np.random.default_rng(0).uniform(0, 2, 4000)
    table = as_table(rows, weights=weights, names=["x", "y", "z"], origin="points.npy")
    return Case(fitted(table, 20, "diag"), table)


def _repaired():
    rows, _ = blobs(1, 4, 40)
    rows[:, 2] = 3.0
    rows[:12, 0] = 5.0
    rows[:, 3] = rows[:, 0] - 2 * rows[:, 1]
    table = as_table(rows, names=ODD, origin=f"{SCRIPT}.csv")
    return Case(fitted(table, 6, source=f"{SCRIPT}.csv", max_iter=3), table)


def _spurious_and_failed():
    rows, _ = blobs(2, 2, 12)
    rows[:4] = rows[0]
    table = as_table(rows, names=["x", "y"], origin="few.csv")
    return Case(searched(table, [1, 2, 3, 11, 13], ("full", "diag"), source="few.csv"), table)


def _fourteen():
    table = open_old_faithful()
    return Case(searched(table, range(1, 5), STRUCTURES), table)


def _merged():
    means = [[0.0, 0.0], [1.5, 0.5], [9.0, 9.0]]
    mixture = Mixture.from_arrays([0.3, 0.3, 0.4], means, [1.0, 2.0, 1.0], covariance_type="spherical")
    rows, codes = mixture.sample(300, seed=0)
    labels = Labels(codes // 2, ("left", "right"))
    table = as_table(rows, names=["x", "y"], origin="halves.csv")
    table = Table(table.source, table.names, labels=labels, origin="halves.csv")
    random = np.random.default_rng(0)
    found = {
        "merging": merge_by_entropy(mixture, table).as_record(),
        "bootstrap": {
            "kind": "nonparametric", "n_replicates": 200, "confidence": 0.95, "faults": {"collapsed": 2},
            "rows": _intervals(mixture, table.names),
        },
        "likelihood_ratio": [
            {"n_components": 2, "statistic": 31.0, "p_value": 0.005, "replicates": random.chisquare(6, 200).tolist()}
        ],
    }  # fmt: skip
    command = "gmmkit fit halves.csv -k 3 --label side --merge --bootstrap 200 --lrt 200"
    record = ModelRecord(
        mixture, feature_names=["x", "y"], fit={"n_rows": 300, **found},
        settings={"n_components": 3, "covariance_type": "spherical"},
        provenance={"source": "halves.csv", "command": command},
    )  # fmt: skip
    return Case(record, table)


def _clusters():
    rows, codes = blobs(3, 2, 240)
    labels = Labels(codes.astype(np.intp), ("a", "b", "c"))
    table = as_table(rows, names=["length", "width"], origin="shapes.csv")
    table = Table(table.source, table.names, labels=labels, origin="shapes.csv")
    found = find_clusters(table, ClusterSettings(n_clusters=3, structures=("VEV",), seed=0), n_jobs=1)
    record = record_of_clusters(
        found, {"n_clusters": 3, "covariance_type": ["VEV"], "random_state": 0}, feature_names=table.names,
        known={"n_rows": table.n_rows, "log_likelihood": -1234.5},
        provenance={"source": "shapes.csv", "command": "gmmkit cluster shapes.csv -k 3 --covariance VEV --label kind"},
    )  # fmt: skip
    return Case(record, table)


def _intervals(mixture, names):
    estimate = Parameters.of(mixture)
    ends = {"low": estimate.map(lambda v: v - 0.1), "high": estimate.map(lambda v: v + 0.1)}
    return tabulated(names, {"estimate": estimate, "standard_error": estimate.map(lambda v: 0.0 * v + 0.05), **ends})


CASES = {
    "faithful": _faithful,
    "model only": _model_only,
    "labelled": _labelled,
    "thirty columns": _thirty_columns,
    "one column": _one_column,
    "one component": _one_component,
    "twenty components": _twenty_components,
    "repaired": _repaired,
    "spurious and failed": _spurious_and_failed,
    "fourteen structures": _fourteen,
    "merged": _merged,
    "clusters": _clusters,
}
