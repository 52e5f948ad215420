"""Anything with rows, as blocks that can be read again and again: arrays, frames, iterators and files."""

from gmmkit.data.open import as_table, open_table
from gmmkit.data.table import Block, Labels, Source, Table

__all__ = ["Block", "Labels", "Source", "Table", "as_table", "open_table"]
