"""From a table, its labels and what was asked for to the record of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gmmkit.cli.asked import engine_seed
from gmmkit.cli.boundary import UsageError
from gmmkit.cli.notes import notes_on
from gmmkit.cli.output import count
from gmmkit.errors import DataError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.selection.class_choice import ClassChoice, ClassCriterion
    from gmmkit.selection.class_recipes import Model
    from gmmkit.selection.class_rows import LabelledRows

__all__ = ["AskedClasses", "classify_table"]

# What means "of no known class" where nothing else was said, as in Python.
_UNLABELLED = "-1"
_LARGEST = 2**63


@dataclass(frozen=True)
class AskedClasses:
    """What was asked for.

    Attributes
    ----------
    model : {"EDDA", "MclustDA", "pool"}
    sizes : tuple of int
        Numbers of components to try.
    structures : list of str, or None
        None: every one that differs for the table's columns.
    criterion : {"bic", "error", "log_loss"}
    shrinkage : float or "cv"
    calibrate : bool
    priors : dict of str to float, "equal" or None
        By label; None: the shares of the labelled rows.
    unlabelled : str or None
        The label of rows of no known class; None: nothing was said.
    folds : int
    seed : int
    jobs : int or None
    validate : bool
        Whether what was chosen is cross-validated in any case.
    """

    model: Model
    sizes: tuple[int, ...]
    structures: list[str] | None
    criterion: ClassCriterion
    shrinkage: float | Literal["cv"]
    calibrate: bool
    priors: dict[str, float] | Literal["equal"] | None
    unlabelled: str | None
    folds: int
    seed: int
    jobs: int | None
    validate: bool = True


def classify_table(table: Table, column: str, asked: AskedClasses, command: str) -> ModelRecord:
    """Fit the classes of a table's labels, and return them with everything known of them.

    Raises
    ------
    DataError
        If there are fewer than two classes, or too few rows of one.
    UsageError
        If no row has the label that was named as that of rows of no known class.
    ParameterError
        If no candidate can be fitted.
    """
    from gmmkit.inference.fit import FitSettings
    from gmmkit.inference.stopping import AitkenGain
    from gmmkit.model.class_mixture import given_priors
    from gmmkit.model.covariance.catalogue import family, structures_for
    from gmmkit.selection.class_choice import SHRINKAGES, ClassSettings, choose_classes
    from gmmkit.selection.class_records import record_of_classes
    from gmmkit.selection.search import DEFAULTS

    for name in asked.structures or ():
        family(name, table.n_columns)
    rows, unknown = _labelled(table, column, asked.unlabelled)
    if asked.validate:
        _check_folds(rows, asked.folds, f"{table.origin}: column {column!r}")
    seed = engine_seed(asked.seed)
    priors = given_priors(asked.priors, rows.names)
    settings = ClassSettings(
        model=asked.model,
        structures=asked.structures or structures_for(table.n_columns),
        sizes=asked.sizes,
        criterion=asked.criterion,
        shrinkages=SHRINKAGES if asked.shrinkage == "cv" else (asked.shrinkage,),
        folds=asked.folds,
        fold_seed=seed,
        calibrate=asked.calibrate,
        validate=asked.validate,
        priors=priors,
        fit=FitSettings(rule=AitkenGain(DEFAULTS["tol"]), max_iter=DEFAULTS["max_iter"], seed=seed),
    )
    choice = choose_classes(rows, settings, n_jobs=asked.jobs)
    notes = [*notes_on(table, constant=True), *_doubts(rows, choice)]
    labels = _labels(rows.names)
    return record_of_classes(
        choice,
        labels,
        {
            "model": asked.model,
            "n_components": list(asked.sizes),
            "covariance_type": asked.structures or "all",
            "criterion": asked.criterion,
            # Labels that are numbers are no keys of a model file.
            "priors": None if priors is None else asked.priors if asked.priors == "equal" else priors.tolist(),
            "shrinkage": asked.shrinkage,
            "calibration": "temperature" if asked.calibrate else None,
            "folds": asked.folds,
            "unlabelled": _unlabelled(rows, labels, unknown),
            "random_state": asked.seed,
        },
        feature_names=table.names,
        known={
            "n_rows": table.n_rows,
            "total_weight": table.total_weight,
            "class_weights": rows.class_weights.tolist(),
            "unlabelled_rows": int((rows.codes < 0).sum()),
            "label": column,
            "criterion": asked.criterion,
            **({"notes": notes} if notes else {}),
        },
        provenance={"source": table.origin, "command": command},
    )


def _labelled(table: Table, column: str, unlabelled: str | None) -> tuple[LabelledRows, str]:
    """Return the rows with their classes, and the label that means that a class is not known."""
    import numpy as np

    from gmmkit.selection.class_rows import LabelledRows

    assert table.labels is not None, "a column was named"
    codes, names = table.labels.codes, list(table.labels.names)
    where = f"{table.origin}: column {column!r}"
    if unlabelled is not None and unlabelled not in names:
        raise UsageError(f"--unlabelled {unlabelled}: {where} has no such label; leave out the option, or correct it")
    unknown = _UNLABELLED if unlabelled is None else unlabelled
    # −1 beside one other label is a class like any other, as in Python, unless it was named.
    if unknown in names and (unlabelled is not None or len(names) > 2):
        u = names.index(unknown)
        codes = np.where(codes == u, -1, codes - (codes > u))
        names.remove(unknown)
    if not names:
        raise DataError(f"{where} holds {unknown!r} in all rows; a classifier needs rows of at least two known classes")
    if len(names) == 1:
        raise DataError(
            f"{where} has one class, {names[0]!r}, but a classifier needs rows of at least two: name another label "
            "column, or take gmmkit fit"
        )
    rows = LabelledRows(table, codes, tuple(names))
    empty = np.flatnonzero(rows.class_weights <= 0)
    if len(empty):
        raise DataError(
            f"{where}: class {names[empty[0]]!r} has no row of any weight: leave its rows out, or give them weight"
        )
    return rows, unknown


def _unlabelled(rows: LabelledRows, labels: list[int | str], unknown: str) -> int | str:
    """Return the label of rows of no known class as Python reads it beside the others."""
    if not (rows.codes < 0).any():
        return int(_UNLABELLED)
    return _labels([unknown])[0] if isinstance(labels[0], int) else unknown


def _check_folds(rows: LabelledRows, folds: int, where: str) -> None:
    """Raise if a class has fewer rows than there are folds; whether they differ is found with the folds."""
    import numpy as np

    counts = np.bincount(rows.codes[(rows.codes >= 0) & (rows.weights > 0)], minlength=rows.n_classes)
    fewest = int(counts.argmin())
    if counts[fewest] >= folds:
        return
    told = f"{where}: class {rows.names[fewest]!r} has {count(int(counts[fewest]), 'row')}"
    if counts[fewest] < 2:
        raise DataError(f"{told}, which tells nothing of its spread: give more rows of it, or leave it out")
    raise DataError(
        f"{told}, too few for {folds} folds of cross-validation: give more rows of it, or --folds {counts[fewest]}"
    )


def _labels(names: Any) -> list[int | str]:
    """Return labels as Python reads them: whole numbers where all are, else the texts as they are."""
    try:
        numbers = [int(name) for name in names]
    except ValueError:
        return list(names)
    plain = all(
        str(value) == name and -_LARGEST <= value < _LARGEST for value, name in zip(numbers, names, strict=True)
    )
    return list(numbers) if plain else list(names)


def _doubts(rows: LabelledRows, choice: ClassChoice) -> list[str]:
    """Return what there is to be said against the model that was chosen."""
    from gmmkit.selection.class_spread import narrow_columns

    found = []
    if choice.best.spurious is not None:
        narrow = narrow_columns(rows)
        found.append(
            f"{f'{narrow}; ' if narrow else ''}{choice.best.spurious}: give more rows of that class, --shrinkage cv, "
            "or structures that classes share, such as --covariance EEE"
        )
    if not choice.best.converged:
        found.append(f"the fit of the chosen classes did not converge within {choice.best.n_iter} passes")
    return found
