"""The header of a model file, schema 1, 2 or 3: what it says, how it is written, and how it is refused.

A model file is a safetensors file (Hugging Face, 2022): the header's length in 8 bytes, a JSON header, the
arrays. The first 99 bytes mean the same in every schema, so that any gmmkit can tell a damaged file from a
newer one::

    8 bytes          length of the header, unsigned, little-endian
    27 bytes         {"__metadata__":{"sha256":"
    64 bytes         SHA-256 of the whole file with these 64 bytes replaced by the character 0
    the rest         the other metadata, then the entries of the arrays, then spaces up to a multiple of 8

Schema 2 is that of mixtures with Student-t components or noise: the same, with more arrays. Schema 3 is that of
low-rank covariances, (components, columns, factors + 1), which say themselves how many factors there are. All others
are still written as schema 1, which any gmmkit reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from gmmkit.errors import ModelFormatError, ParameterError
from gmmkit.files.json_values import Json, dumps, loads, plain, shown
from gmmkit.files.record import ModelRecord

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = [
    "DIGEST_END",
    "DIGEST_START",
    "MAX_HEADER",
    "NO_DIGEST",
    "OPENING",
    "Header",
    "decode_header",
    "encode_header",
]

OPENING = b'{"__metadata__":{"sha256":"'
DIGEST_START = 8 + len(OPENING)
DIGEST_END = DIGEST_START + 64
NO_DIGEST = b"0" * 64
MAX_HEADER = 2**20

_PLAIN, _EXTENDED, _LOW_RANK = "1", "2", "3"
_DTYPE = "float64"
_TEXTS = ("sha256", "format", "schema", "library_version", "structure", "k", "d", "dtype", "estimator")
_NESTED = ("feature_names", "settings", "fit", "table", "provenance")
# The axes of each array: k components, d columns, f factors and noise.
_COVARIANCES = {
    "full": "kdd",
    "tied": "dd",
    "diag": "kd",
    "spherical": "k",
    "EII": "",
    "EEI": "d",
    "VEI": "kd",
    "EVI": "kd",
    **dict.fromkeys(("VEE", "EVE", "VVE", "EEV", "VEV", "EVV"), "kdd"),
    **dict.fromkeys(("factor-VVI", "factor-EEI", "factor-VII", "factor-EII"), "kdf"),
}


# What schema 2 may add, in this order; m corners.
_EXTRAS = {"degrees_of_freedom": "k", "noise": "2", "noise_region": "md"}
_MOST_CORNERS = 10**7
_MOST_FACTORS = 10**6


@dataclass(frozen=True)
class Header:
    """What a header says, checked.

    Attributes
    ----------
    structure : str
        The covariance family.
    only_variances : bool
        Its array holds variances and no covariances.
    shapes : dict
        The shape of each array, in the order of the file.
    fields : dict
        The record without its mixture.
    """

    structure: str
    only_variances: bool
    shapes: dict[str, tuple[int, ...]]
    fields: dict[str, Any]


def encode_header(record: ModelRecord) -> bytes:
    """Write the 8 length bytes and the header of a record, with zeros for the digest.

    Raises
    ------
    ParameterError
        The header would be longer than a reader accepts, or there is no place for the covariance family.
    """
    mixture = record.mixture
    if mixture.covariance_type not in _COVARIANCES:
        raise ParameterError(
            f"a model file holds {', '.join(_COVARIANCES)} covariances, "
            f"but the mixture's are {mixture.covariance_type!r}"
        )
    extras, corners = _extras_of(mixture)
    factors = mixture.covariances.shape[2] if "f" in _COVARIANCES[mixture.covariance_type] else 0
    if factors and extras:
        raise ParameterError(
            f"a model file holds low-rank covariances of Gaussian components alone, but these have {', '.join(extras)}"
        )
    nested = {name: dumps(plain(getattr(record, name), name)) for name in _NESTED}
    metadata: dict[str, Json] = {
        "sha256": NO_DIGEST.decode(),
        "format": "gmmkit",
        "schema": _LOW_RANK if factors else _EXTENDED if extras else _PLAIN,
        "library_version": record.library_version,
        "structure": mixture.covariance_type,
        "k": str(mixture.n_components),
        "d": str(mixture.n_features),
        "dtype": _DTYPE,
        "estimator": record.estimator,
        **nested,
    }
    sizes = {"k": mixture.n_components, "d": mixture.n_features, "f": factors, "m": corners}
    shapes = _shapes(mixture.covariance_type, sizes, extras)
    text = dumps({"__metadata__": metadata, **_entries(shapes)}).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        longest = max(nested, key=lambda name: len(nested[name]))
        raise ParameterError(
            f"the model's record takes {len(text)} bytes and a model file holds {MAX_HEADER}: "
            f"shorten or leave out {longest} ({len(nested[longest])} bytes)"
        )
    return len(text).to_bytes(8, "little") + text


def decode_header(text: bytes, body_size: int) -> Header:
    """Read a header strictly; nothing is allocated for what it claims.

    Parameters
    ----------
    text : bytes
        The header without its length.
    body_size : int
        How many bytes follow it in the file.

    Raises
    ------
    ModelFormatError
        The header is not one of schema 1 to 3, or does not fit `body_size`.
    """
    try:
        content = loads(text.decode())
    except ValueError as error:
        raise ModelFormatError(f"its header cannot be read: {shown(str(error), 100)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("__metadata__"), dict):
        raise ModelFormatError("its header has no metadata")
    metadata = _metadata(content.pop("__metadata__"))
    structure = metadata["structure"]
    if structure not in _COVARIANCES:
        known = ", ".join(_COVARIANCES)
        raise ModelFormatError(f"its structure is {shown(structure)}: expected one of {known}")
    extras, corners = _extras_in(content) if metadata["schema"] == _EXTENDED else ((), 0)
    factors = _factors_in(content, structure, metadata["schema"])
    sizes = {"k": _size(metadata, "k"), "d": _size(metadata, "d"), "f": factors, "m": corners}
    shapes = _shapes(structure, sizes, extras)
    needed = 8 * sum(prod(shape) for shape in shapes.values())
    if needed != body_size:
        raise ModelFormatError(f"its arrays hold {body_size} bytes and its header asks for {needed}")
    # Compared as text, because in Python 1, 1.0 and True are equal; the order counts too.
    if dumps(content) != dumps(_entries(shapes)):
        raise ModelFormatError(
            f"its arrays are described as {shown(content, 80)}: expected F64 {', '.join(shapes)} "
            f"for k = {metadata['k']}, d = {metadata['d']}, one after the other"
        )
    return Header(structure, not {"dd", "df"} & {_COVARIANCES[structure][-2:]}, shapes, _fields(metadata))


def _extras_of(mixture: Mixture) -> tuple[tuple[str, ...], int]:
    """Return which arrays a mixture adds to weights, means and covariances, and how many corners its noise has."""
    region = None if mixture.noise is None else mixture.noise.region
    known = (mixture.degrees_of_freedom, mixture.noise, region)
    names = tuple(name for name, value in zip(_EXTRAS, known, strict=True) if value is not None)
    return names, 0 if region is None else len(region)


def _extras_in(entries: Mapping[str, Json]) -> tuple[tuple[str, ...], int]:
    """Return the same of the entries of a file; whether those are what they should be is seen later."""
    names = tuple(name for name in _EXTRAS if name in entries)
    entry = entries.get("noise_region")
    shape = entry.get("shape") if isinstance(entry, dict) else None
    corners = shape[0] if isinstance(shape, list) and shape else 0
    if not isinstance(corners, int) or not 0 <= corners <= _MOST_CORNERS:
        raise ModelFormatError(f"its noise's region has {shown(corners)} corners: expected at most {_MOST_CORNERS}")
    if not names or ("noise_region" in names and "noise" not in names):
        raise ModelFormatError(f"it has schema {_EXTENDED}, but not the arrays of Student-t components or noise")
    return names, corners


def _factors_in(entries: Mapping[str, Json], structure: str, schema: str) -> int:
    """Return how many numbers a column has of low-rank covariances, 0 of others."""
    low_rank = "f" in _COVARIANCES[structure]
    if low_rank != (schema == _LOW_RANK):
        raise ModelFormatError(f"it has schema {schema}, but its structure is {structure}")
    if not low_rank:
        return 0
    entry = entries.get("covariances")
    shape = entry.get("shape") if isinstance(entry, dict) else None
    width = shape[2] if isinstance(shape, list) and len(shape) == 3 else None
    if type(width) is not int or not 1 <= width <= _MOST_FACTORS:
        raise ModelFormatError(
            f"its covariances have {shown(width)} numbers a column: expected 1 to {_MOST_FACTORS}, loadings and noise"
        )
    return width


def _shapes(structure: str, sizes: Mapping[str, int], extras: Sequence[str]) -> dict[str, tuple[int, ...]]:
    sizes = {**sizes, "2": 2}
    axes = {"weights": "k", "means": "kd", "covariances": _COVARIANCES[structure]}
    axes |= {name: _EXTRAS[name] for name in extras}
    return {name: tuple(sizes[axis] for axis in letters) for name, letters in axes.items()}


def _entries(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Json]:
    entries: dict[str, Json] = {}
    start = 0
    for name, shape in shapes.items():
        end = start + 8 * prod(shape)
        entries[name] = {"dtype": "F64", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    return entries


def _metadata(content: Json) -> dict[str, str]:
    if not isinstance(content, dict):
        raise ModelFormatError("its metadata is not a set of named texts")
    metadata = {name: value for name, value in content.items() if isinstance(value, str)}
    if len(metadata) < len(content):
        raise ModelFormatError("its metadata holds something other than texts")
    if metadata.get("format") != "gmmkit":
        raise ModelFormatError(f"its format is {shown(metadata.get('format'))}: expected 'gmmkit'")
    _check_schema(metadata)
    odd = sorted(set(metadata) ^ {*_TEXTS, *_NESTED})
    if odd:
        raise ModelFormatError(f"its metadata misses or adds {shown(odd)}")
    if metadata["dtype"] != _DTYPE:
        raise ModelFormatError(f"its dtype is {shown(metadata['dtype'])}: expected {_DTYPE!r}")
    return metadata


def _check_schema(metadata: Mapping[str, str]) -> None:
    schema = metadata.get("schema")
    if schema in (_PLAIN, _EXTENDED, _LOW_RANK):
        return
    writer = metadata.get("library_version", "")
    if schema is None or not re.fullmatch(r"[4-9]|[1-9][0-9]{1,3}", schema, re.ASCII):
        raise ModelFormatError(f"its schema is {shown(schema)}: expected {_PLAIN!r} to {_LOW_RANK!r}")
    known = re.fullmatch(r"[0-9][0-9a-z.+]{0,30}", writer, re.ASCII)
    newer = f"gmmkit {writer} or later" if known else "a newer gmmkit"
    raise ModelFormatError(
        f"it has schema {schema}, and this gmmkit reads schemas up to {_LOW_RANK}: it needs {newer} "
        "(pip install --upgrade gmmkit)"
    )


def _size(metadata: Mapping[str, str], name: str) -> int:
    text = metadata[name]
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise ModelFormatError(f"its {name} is {shown(text)}: expected a positive whole number")
    return int(text)


def _fields(metadata: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: metadata[name] for name in ("estimator", "library_version")}
    for name in _NESTED:
        try:
            fields[name] = loads(metadata[name])
        except ValueError as error:
            raise ModelFormatError(f"its {name} cannot be read: {shown(str(error), 100)}") from error
    return fields
