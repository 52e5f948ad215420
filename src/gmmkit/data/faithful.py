"""Old Faithful: 272 eruptions of the geyser in Yellowstone, the field's first example.

Duration of each eruption and waiting time to the next, both in minutes, August 1985: Azzalini & Bowman (1990),
A look at some data on the Old Faithful geyser, Applied Statistics 39, 357–365; R's ``faithful``.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from gmmkit.data.open import open_table
from gmmkit.data.table import Table

__all__ = ["FILE_NAME", "open_old_faithful"]

FILE_NAME = "old_faithful.csv"


def open_old_faithful() -> Table:
    """Return the 272 × 2 table of eruptions and waiting times, in minutes.

    Examples
    --------
    >>> table = open_old_faithful()
    >>> table.n_rows, table.names
    (272, ('eruptions', 'waiting'))
    """
    with as_file(files("gmmkit.data") / FILE_NAME) as path:
        return open_table(path)
