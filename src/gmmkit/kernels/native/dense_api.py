"""What the compiled kernel's dense passes are asked with: the structures of ``dense_api.hpp``."""

from __future__ import annotations

import ctypes

__all__ = ["Answers", "Blocks", "Mixture", "Rows", "Run", "Sums"]

Pointer = ctypes.c_void_p


class Rows(ctypes.Structure):
    """Rows as the caller has them."""

    _fields_ = [
        ("values", Pointer), ("single", ctypes.c_bool), ("n", ctypes.c_int64), ("d", ctypes.c_int),
        ("row_stride", ctypes.c_int64), ("column_stride", ctypes.c_int64), ("weights", Pointer),
        ("shift", Pointer), ("scale", Pointer),
    ]  # fmt: skip


class Mixture(ctypes.Structure):
    """How components score."""

    _fields_ = [
        ("form", ctypes.c_int), ("single", ctypes.c_bool), ("k", ctypes.c_int), ("means", Pointer),
        ("whitening", Pointer), ("constants", Pointer), ("theta", Pointer),
    ]  # fmt: skip


class Sums(ctypes.Structure):
    """What a pass adds to."""

    _fields_ = [
        ("counts", Pointer), ("first", Pointer), ("second", Pointer), ("origin", Pointer), ("scatter", Pointer),
        ("matrix", ctypes.c_bool), ("log_likelihood", Pointer),
    ]  # fmt: skip


class Blocks(ctypes.Structure):
    """Blocks of rows that threads share; the last three are written by them."""

    _fields_ = [
        ("rows", ctypes.c_int64), ("count", ctypes.c_int64), ("stride", ctypes.c_int64),
        ("taken", ctypes.c_int64), ("done", ctypes.c_int64), ("failed", ctypes.c_int64),
    ]  # fmt: skip


class Answers(ctypes.Structure):
    """What rows are told."""

    _fields_ = [
        ("log_sums", Pointer), ("certainty", Pointer), ("posterior", Pointer), ("scores", Pointer), ("labels", Pointer),
        ("largest", Pointer),
    ]  # fmt: skip


class Run(ctypes.Structure):
    """Passes of plain expectation–maximisation; parameters, `before`, `trace`, `passes` and `status` are written."""

    _fields_ = [
        ("form", ctypes.c_int), ("k", ctypes.c_int), ("weights", Pointer), ("means", Pointer), ("covariances", Pointer),
        ("pseudo", Pointer), ("ridge", Pointer), ("reach", Pointer), ("farthest", ctypes.c_double),
        ("total_weight", ctypes.c_double), ("needed", ctypes.c_double), ("tol", ctypes.c_double),
        ("before", ctypes.c_double), ("block_rows", ctypes.c_int64), ("blocks", ctypes.c_int64),
        ("max_iter", ctypes.c_int), ("n_threads", ctypes.c_int), ("trace", Pointer),
        ("passes", ctypes.c_int), ("status", ctypes.c_int),
    ]  # fmt: skip
