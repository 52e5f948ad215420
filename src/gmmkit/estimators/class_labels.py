"""Labels of classes, as callers give them: numbers or text, some of them perhaps unknown."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from gmmkit.errors import DataError, UnlabelledRowsWarning
from gmmkit.estimators.given import missing_label
from gmmkit.numerics.arguments import shown

__all__ = ["class_labels"]


def class_labels(y: Any, n_rows: int, unlabelled: Any, *, fewest: int = 2) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes (C,), in order, and the class of each row (n,), −1 where it is not known.

    Parameters
    ----------
    y : array-like of shape (n,)
    n_rows : int
    unlabelled : object
        The label of rows of no known class. None: no label is. "auto": −1 beside two classes or more, with a warning.
    fewest : int, default=2
        Classes that there must be.

    Raises
    ------
    DataError
        If there are not as many labels as rows, a label is missing or, unless it is said what that means, an empty
        text, there are fewer than `fewest` classes, or they are numbers that are not whole.

    Warns
    -----
    UnlabelledRowsWarning
        If rows are taken for such of no known class though nobody named their label.

    Examples
    --------
    >>> class_labels(["b", "a", "?"], 3, "?")
    (array(['a', 'b'], dtype='<U1'), array([ 1,  0, -1]))
    """
    if y is None:
        # scikit-learn's words, which its checks read.
        raise DataError("requires y to be passed, but the target y is None: give one label a row")
    labels = column_or_1d(y, warn=True)
    guessed = isinstance(unlabelled, str) and unlabelled == "auto"
    unlabelled = -1 if guessed else unlabelled
    if len(labels) != n_rows:
        raise DataError(f"y has {len(labels)} labels, but X has {n_rows} rows: give one label a row")
    missing = missing_label(labels)
    if missing is not None:
        raise DataError(
            f"y: the label of row {missing} is {_plain(labels[missing])}; give every row a label, and rows of no known "
            f"class {'one that you name as unlabelled=' if unlabelled is None else shown(unlabelled)}"
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        row = int(np.isinf(labels).argmax())
        raise DataError(f"y: the label of row {row} is {labels[row]}; a class has a finite number or a text")
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        first = {type(labels[row]): row for row in reversed(range(n_rows))}
        seen = " and ".join(f"{_plain(labels[row])} in row {row}" for row in sorted(first.values())[:2])
        raise DataError(f"y: labels must be all numbers or all text, but there is {seen}") from None
    check_classification_targets(labels)
    codes = codes.astype(np.intp)
    unknown = [] if unlabelled is None else [c for c, label in enumerate(classes.tolist()) if label == unlabelled]
    if unknown and not (guessed and len(classes) <= 2):
        (u,) = unknown
        if guessed:
            warnings.warn(
                f"y: {int((codes == u).sum())} of {n_rows} rows are labelled -1 and are taken for rows of no known "
                "class: give unlabelled=-1 if that is right, unlabelled=None if -1 is a class",
                UnlabelledRowsWarning,
                stacklevel=3,
            )
        codes = np.where(codes == u, -1, codes - (codes > u))
        classes = np.delete(classes, u)
    if guessed and classes.dtype.kind in "UO" and "" in classes.tolist():
        row = int((codes == classes.tolist().index("")).argmax())
        raise DataError(
            f"y: the label of row {row} is an empty text: give unlabelled='' if the class of such rows is not known, "
            "unlabelled=None if it is a class"
        )
    if len(classes) < fewest:
        found = f"1 class, {shown(classes.tolist()[0])}" if len(classes) else "0 classes"
        beside = f", and rows of no known class labelled {shown(unlabelled)}" if (codes < 0).any() else ""
        raise DataError(
            f"y has {found}{beside}, but a classifier needs rows of at least two: "
            f"the number of classes has to be greater than one; got {found.partition(',')[0]}"
        )
    return classes, codes


def _plain(label: Any) -> str:
    return shown(label.item() if isinstance(label, np.generic) else label)
