"""Labels while they are read: text becomes numbers at once, so that a label costs a few bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.data.table import Labels
from gmmkit.errors import DataError

__all__ = ["LabelCodes"]

# More distinct labels than this are no classes: they would fill the memory that streaming saves.
MOST_LABELS = 100_000


class LabelCodes(dict[str, int]):
    """Numbers given to labels in order of first appearance: ``codes[label]`` adds a label not seen before.

    Parameters
    ----------
    column : str
        What messages call the column: ``"iris.csv: column 'Species'"``.
    identifiers : bool, default=False
        Whether they only tell which row is which: then there may be any number of them, and they may be empty.

    Examples
    --------
    >>> codes = LabelCodes("iris.csv: column 'Species'")
    >>> [codes[text] for text in ("b", "a", "b ")]
    [0, 1, 0]
    >>> codes.labels(np.array([0, 1, 0]))
    Labels(codes=array([1, 0, 1]), names=('a', 'b'))
    """

    def __init__(self, column: str, identifiers: bool = False) -> None:
        super().__init__()
        self._column = column
        self._identifiers = identifiers

    def __missing__(self, text: str) -> int:
        label = text.strip()
        if not (label or self._identifiers):
            raise DataError(f"{self._column} has an empty field; expected a label: fill it in or remove the row")
        if label != text:
            return self[label]
        if len(self) == MOST_LABELS and not self._identifiers:
            raise DataError(
                f"{self._column} has more than {MOST_LABELS} different labels; expected a few classes: "
                "is it an identifier? Name another label column, or none"
            )
        self[label] = len(self)
        return self[label]

    def encode(self, labels: Iterable[object]) -> NDArray[np.intp]:
        """Return the codes of many labels, which may be numbers."""
        return np.fromiter((self[_text(label)] for label in labels), np.intp)

    def labels(self, codes: NDArray[Any]) -> Labels:
        """Return the labels of all rows, renumbered so that their names are sorted."""
        names = sorted(self, key=_order(self))
        renumbered = np.empty(len(self), np.intp)
        renumbered[[self[name] for name in names]] = np.arange(len(names))
        return Labels(renumbered[codes.astype(np.intp)], tuple(names))


def _text(label: object) -> str:
    if isinstance(label, float):
        # NaN and None are no labels; 2.0 and 2 are the same one.
        return "" if np.isnan(label) else str(int(label)) if label.is_integer() else repr(label)
    return "" if label is None else str(label)


def _order(names: Iterable[str]) -> Any:
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        return str
    return str if any(map(np.isnan, numbers.values())) else numbers.__getitem__
