"""Which columns of a file are features, which one holds the weights and which one the labels."""

from __future__ import annotations

import csv
import difflib
import io
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from gmmkit.errors import DataError

__all__ = [
    "KnownLabel",
    "ModelColumns",
    "PredictedColumns",
    "Selection",
    "check_names",
    "choose_columns",
    "how_to_choose",
]

T = TypeVar("T")

# Names listed in a message about an unknown one.
MOST_LISTED = 12


class KnownLabel(str):
    """The column of labels that a model was fitted with, given as label: left out where the data have none so named."""

    __slots__ = ()


class ModelColumns(tuple[str, ...]):
    """The columns that a model was fitted on, given as columns to use.

    They are taken by name where the data have names, in the model's order; data without names are taken as they are.
    """

    __slots__ = ()


class PredictedColumns(tuple[str | int, ...]):
    """Columns to use: those that others are predicted from, then of the others those that the data have.

    Parameters
    ----------
    inputs : sequence of str or int
        By name, or by position from 0 among the columns of a model: these must be there.
    targets : sequence of str or int
        Likewise: these may be missing.
    width : int, optional
        Of positions, how many columns the model has. Data have these, or the first of them, or the inputs only.
    nameless : PredictedColumns, optional
        Of names, the positions that count in data without names.
    """

    targets: tuple[str | int, ...]
    width: int | None
    nameless: PredictedColumns | None

    def __new__(
        cls,
        inputs: Sequence[str | int],
        targets: Sequence[str | int],
        *,
        width: int | None = None,
        nameless: PredictedColumns | None = None,
    ) -> PredictedColumns:
        """Make the tuple of the inputs, which remembers the rest."""
        made = super().__new__(cls, inputs)
        made.targets, made.width, made.nameless = tuple(targets), width, nameless
        return made

    def in_data(self, names: Sequence[str] | None, n_columns: int, origin: str = "X") -> list[str | int]:
        """Return the inputs, and the targets that are there.

        Raises
        ------
        DataError
            If there are more or fewer columns than positions are of.

        Examples
        --------
        >>> PredictedColumns(["dose"], ["effect", "delay"]).in_data(["delay", "dose"], 2)
        ['dose', 'delay']
        >>> by_position = PredictedColumns([1, 2], [0], width=3)
        >>> by_position.in_data(["b", "c"], 2), by_position.in_data(["a", "b", "c"], 3)
        ([0, 1], [1, 2, 0])
        """
        if names is None and self.nameless is not None:
            return self.nameless.in_data(names, n_columns, origin)
        if self.width is not None:
            if n_columns == len(self):
                return list(range(n_columns))
            if not max(map(int, self)) < n_columns <= self.width:
                inputs = f"{len(self)} column{'s' * (len(self) != 1)}"
                raise DataError(
                    f"{origin} gives {_listed(names, n_columns)}. What is predicted from goes by position, for want of "
                    f"names: give a file of the {inputs} to predict from, in that order, or of all {self.width}"
                )
        known = set(names or ()) | set(range(n_columns))
        return [*self, *(column for column in self.targets if column in known)]


@dataclass(frozen=True)
class Selection:
    """Positions of columns: the features in the order asked for, the weights, the labels."""

    features: tuple[int, ...]
    weights: int | None
    label: int | None

    @property
    def positions(self) -> tuple[int, ...]:
        """Every column to read: features, then weights, then label."""
        return self.features + tuple(column for column in (self.weights, self.label) if column is not None)


def check_names(found: Sequence[str] | None, fitted: Sequence[str] | None, origin: str, model: str) -> None:
    """Refuse rows whose columns have other names than those a model was fitted on, or come in another order.

    Nothing can be told where either has no names.

    Raises
    ------
    DataError
        Naming the first column that differs.

    Examples
    --------
    >>> check_names(["width", "length"], ["length", "width"], "X", "GaussianMixture")
    Traceback (most recent call last):
    gmmkit.errors.DataError: column 0 of X is 'width', but GaussianMixture was fitted on 'length' there: give the same
    columns in the same order
    """
    for column, (name, known) in enumerate(zip(found or (), fitted or (), strict=False)):
        if name != known:
            raise DataError(
                f"column {column} of {origin} is {name!r}, but {model} was fitted on {known!r} there: "
                "give the same columns in the same order"
            )


def choose_columns(
    names: Sequence[str] | None,
    n_columns: int,
    origin: str,
    *,
    columns: Sequence[str | int] | None = None,
    weights: str | int | None = None,
    label: str | int | None = None,
) -> Selection:
    """Find the columns asked for by name or by position from 0; by default every other column is a feature.

    Raises
    ------
    DataError
        For a column that is not there, one named twice, or if no feature is left.

    Examples
    --------
    >>> choose_columns(["x", "y", "n"], 3, "data.csv", weights="n")
    Selection(features=(0, 1), weights=2, label=None)
    >>> choose_columns(None, 3, "data.csv", columns=["2", 0]).features
    (2, 0)
    """
    for name in _repeated(names or ()):
        raise DataError(
            f"{origin}: {sum(other == name for other in names or ())} columns are named {name!r}; "
            "expected a different name for each column: rename them in the file"
        )

    def find(wanted: str | int) -> int:
        return _find(wanted, names, n_columns, origin)

    if isinstance(columns, ModelColumns):
        columns = _of_model(columns, names, n_columns, origin)
    elif isinstance(columns, PredictedColumns):
        columns = columns.in_data(names, n_columns, origin)
    if isinstance(label, KnownLabel) and label not in (names or ()):
        label = None
    aside = {
        "weights": None if weights is None else find(weights),
        "label": None if label is None else find(label),
    }
    if aside["weights"] is not None and aside["weights"] == aside["label"]:
        raise DataError(f"{origin}: column {weights!r} is asked for as weights and as label; name two columns")
    if columns is None:
        features = tuple(column for column in range(n_columns) if column not in aside.values())
    else:
        features = tuple(find(column) for column in columns)
        for column in _repeated(features):
            raise DataError(f"{origin}: column {names[column] if names else column!r} is asked for twice; name it once")
        for role, position in aside.items():
            if position in features:
                raise DataError(
                    f"{origin}: column {names[position] if names else position!r} is asked for as a feature "
                    f"and as {role}; leave it out of one of them"
                )
    if not features:
        raise DataError(f"{origin}: no column is left to fit; it has {_listed(names, n_columns)}")
    return Selection(features, aside["weights"], aside["label"])


def how_to_choose(columns: Sequence[str], label: str | None = None) -> str:
    r"""Say how some columns are chosen, or one kept aside instead: in a shell, and in Python.

    Examples
    --------
    >>> how_to_choose(["x", "y, z"], "city")
    '--columns \'x,"y, z"\' or --label city (in Python: columns=[...] or label=...)'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(columns)
    shell, python = [f"--columns {shlex.quote(line.getvalue())}"], ["columns=[...]"]
    if label is not None:
        shell.append(f"--label {shlex.quote(label)}")
        python.append("label=...")
    return f"{' or '.join(shell)} (in Python: {' or '.join(python)})"


def _of_model(
    wanted: ModelColumns, names: Sequence[str] | None, n_columns: int, origin: str
) -> Sequence[str | int] | None:
    if names is None:
        return None
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DataError(
            f"{origin}: there is no column {', '.join(map(repr, missing))}, on which the model was fitted; "
            f"it has {_listed(names, n_columns)}. Columns of other names are chosen with --columns"
        )
    return wanted


def _find(wanted: str | int, names: Sequence[str] | None, n_columns: int, origin: str) -> int:
    if names is not None and wanted in names:
        return names.index(wanted)
    text = str(wanted).strip()
    if text.isdecimal() and int(text) < n_columns:
        return int(text)
    # Names first: the case or a letter may be wrong.
    by_case = {name.casefold(): name for name in names or ()}
    close = difflib.get_close_matches(text.casefold(), by_case, n=1)
    has = f"did you mean {by_case[close[0]]!r}? It has" if close else "it has"
    raise DataError(f"{origin}: there is no column {wanted!r}; {has} {_listed(names, n_columns)}")


def _listed(names: Sequence[str] | None, n_columns: int) -> str:
    positions = f"{n_columns} column{'s' * (n_columns != 1)}"
    if names is None:
        return f"{positions} without names: give positions, from 0 to {n_columns - 1}"
    more = ", …" if len(names) > MOST_LISTED else ""
    return f"{positions}: {', '.join(names[:MOST_LISTED])}{more}"


def _repeated(values: Sequence[T]) -> list[T]:
    return [value for value, times in Counter(values).items() if times > 1]
