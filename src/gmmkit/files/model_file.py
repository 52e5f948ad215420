"""Writing and reading a model file (``.gmm``): a safetensors file that holds one mixture and its record.

The digest finds every accidental change; it is no signature, so a reader trusts nothing the header says
until it has been checked against the file, and no byte of the file is ever run.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from io import BufferedReader
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from gmmkit.errors import ModelFormatError, ParameterError
from gmmkit.files.atomic import write_atomically
from gmmkit.files.header import (
    DIGEST_END,
    DIGEST_START,
    MAX_HEADER,
    NO_DIGEST,
    OPENING,
    decode_header,
    encode_header,
)
from gmmkit.files.json_values import shown
from gmmkit.files.record import ModelRecord

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = ["read_model", "write_model"]

Array: TypeAlias = npt.NDArray[np.float64]

_CHUNK = 2**20
_OTHER_FORMATS = {
    b"\x80": "a Python pickle, which gmmkit never opens because it can run code",
    b"PK": "a zip archive (.npz, .joblib, .xlsx …)",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG image",
}


def write_model(record: ModelRecord, path: str | os.PathLike[str]) -> None:
    """Write a model file: whole or not at all, and the same bytes for the same record.

    Parameters
    ----------
    record : ModelRecord
        The mixture and what is known of its fit.
    path : str or os.PathLike
        The file, by custom with the ending ``.gmm``. An existing file is replaced.

    Raises
    ------
    ParameterError
        The mixture is one that `read_model` would refuse, or its record is longer than 1 MiB.
    OSError
        The file cannot be written; what stood there is untouched.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([0.25, 0.75], [[0.0], [2.0]], [1.0, 0.5], covariance_type="spherical")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.gmm"
    ...     write_model(ModelRecord(mixture, feature_names=["length"]), path)
    ...     read_model(path).feature_names
    ('length',)
    """
    mixture = record.mixture
    noise = mixture.noise
    known = {
        "weights": mixture.weights,
        "means": mixture.means,
        "covariances": mixture.covariances,
        "degrees_of_freedom": mixture.degrees_of_freedom,
        "noise": None if noise is None else np.array([noise.weight, noise.log_density]),
        "noise_region": None if noise is None else noise.region,
    }
    arrays = {name: array for name, array in known.items() if array is not None}
    # The reader's own check, so that what has been written can be read.
    _mixture(mixture.covariance_type, arrays)
    head = encode_header(record)
    parts = [_bytes(np.ascontiguousarray(array, dtype="<f8")) for array in arrays.values()]
    digest = hashlib.sha256(head)
    for part in parts:
        digest.update(part)
    head = head[:DIGEST_START] + digest.hexdigest().encode() + head[DIGEST_END:]
    write_atomically(path, [head, *parts])


def read_model(path: str | os.PathLike[str]) -> ModelRecord:
    """Read a model file, or say in one line why it is none.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write_model` wrote.

    Returns
    -------
    ModelRecord
        The mixture, with exactly the numbers that were written, and its record.

    Raises
    ------
    ModelFormatError
        The file is damaged, of another format, of a newer schema, or asks for more than it holds.
    OSError
        There is no such file, or it may not be read.
    """
    try:
        # Looked at before it is opened: opening a pipe would wait for somebody to write to it.
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise ModelFormatError("it is a device, pipe or socket, not a file")
        with open(path, "rb") as stream:
            return _read(stream, os.fstat(stream.fileno()).st_size)
    except (ModelFormatError, ParameterError) as error:
        name = os.fspath(path)
        name = name if name.isprintable() else repr(name)
        raise ModelFormatError(f"{name} is not a readable model file: {error}") from error


def _read(stream: BufferedReader, size: int) -> ModelRecord:
    head = _read_head(stream, size)
    body_size = size - len(head)
    _check_digest(head, stream, body_size)
    header = decode_header(head[8:], body_size)
    stream.seek(len(head))
    arrays = {name: _read_array(stream, name, shape) for name, shape in header.shapes.items()}
    if header.only_variances and not (arrays["covariances"] > 0).all():
        raise ModelFormatError("its covariances hold a variance that is not positive")
    return ModelRecord(_mixture(header.structure, arrays), **header.fields)


def _read_head(stream: BufferedReader, size: int) -> bytes:
    head = stream.read(DIGEST_END)
    if not head[8:].startswith(OPENING):
        raise ModelFormatError(_guess(head))
    length = int.from_bytes(head[:8], "little")
    if not DIGEST_END <= 8 + length <= min(size, 8 + MAX_HEADER):
        raise ModelFormatError(
            f"its header claims {length} bytes, the file has {size} and a header at most {MAX_HEADER}: "
            "it is cut short or damaged"
        )
    return head + stream.read(8 + length - DIGEST_END)


def _guess(head: bytes) -> str:
    if not head:
        return "it is empty"
    for opening, name in _OTHER_FORMATS.items():
        if head.startswith(opening):
            return f"it looks like {name}"
    if head[8:9] == b"{":
        return "it is damaged, or a safetensors file that gmmkit did not write"
    return f"it begins with {shown(head[:16])}"


def _check_digest(head: bytes, stream: BufferedReader, body_size: int) -> None:
    digest = hashlib.sha256(head[:DIGEST_START] + NO_DIGEST + head[DIGEST_END:])
    read = 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        read += len(chunk)
    # Bytes, not numbers: in hexadecimal 'a' and 'A' are one flipped bit apart.
    if read != body_size or digest.hexdigest().encode() != head[DIGEST_START:DIGEST_END]:
        raise ModelFormatError("it is damaged or was changed (wrong SHA-256): copy or save it again")


def _read_array(stream: BufferedReader, name: str, shape: tuple[int, ...]) -> Array:
    array = np.empty(shape, dtype="<f8")
    if stream.readinto(_bytes(array)) != array.nbytes:
        raise ModelFormatError(f"its {name} are cut short")
    # A t of infinite degrees of freedom is a Gaussian; NaN is refused with what is not positive.
    if name != "degrees_of_freedom" and not np.isfinite(array).all():
        raise ModelFormatError(f"its {name} hold infinite values or NaN")
    return array.astype(np.float64, copy=False)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _mixture(structure: str, arrays: Mapping[str, Array]) -> Mixture:
    from gmmkit.model.mixture import Mixture
    from gmmkit.model.noise import Noise

    noise = None
    # Numbers near the largest float overflow inside the checks; the checks then refuse them.
    with np.errstate(all="ignore"):
        if "noise" in arrays:
            weight, log_density = arrays["noise"].tolist()
            noise = Noise(weight, log_density, arrays.get("noise_region"))
        return Mixture.from_arrays(
            arrays["weights"],
            arrays["means"],
            arrays["covariances"],
            covariance_type=structure,
            degrees_of_freedom=arrays.get("degrees_of_freedom"),
            noise=noise,
        )
