"""Images of characters from wherever they are: folders of pictures, IDX files, arrays.

An IDX file (LeCun, Cortes & Burges 1998, the MNIST database) is two zero bytes, a byte for the type, a byte for the
number of axes, the length of each axis in four big-endian bytes, and the values; often compressed by gzip.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import DataError, MissingDependencyError

__all__ = ["Images", "read_images", "read_labels"]

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# A character needs no more; what claims more is refused before it is read.
_MOST_PIXELS, _MOST_VALUES = 1 << 24, 1 << 32
_EXPECTED = "a folder of pictures, an IDX file, .npy or .npz"


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images of characters.

    Attributes
    ----------
    images : sequence of ndarray of shape (h, w)
        Grey values of any real dtype.
    names : tuple of str
        What messages and answers call each image: its file, or its number.
    labels : tuple of str or None
        Their classes, where they are known.
    skipped : tuple of str
        Why images were left out, each with its name.
    origin : str
    """

    images: Sequence[NDArray[Any]]
    names: tuple[str, ...]
    labels: tuple[str, ...] | None
    skipped: tuple[str, ...] = ()
    origin: str = "images"


def read_images(
    path: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
    any_size: bool = False,
) -> Images:
    """Read images of characters.

    Parameters
    ----------
    path : path-like
        A folder of pictures (PNG, JPEG, …), in folders that are named by their classes or all in one; an IDX file,
        also compressed; an ``.npy`` array (n, h, w), or an ``.npz`` file with arrays "images" and "labels".
    labels : path-like, optional
        A file of labels: IDX, ``.npy``, or text with one a line. Default: the folders' names, the labels in the file,
        or the IDX file whose name has "labels-idx1" for "images-idx3".
    skip_bad : bool, default=False
        Leave out images that cannot be read, instead of raising.
    any_size : bool, default=False
        Take images of different sizes.

    Raises
    ------
    DataError
        If an image cannot be read, sizes differ, or labels are not one for each image; it names the image.
    MissingDependencyError
        If Pillow, which reads pictures, is not installed.
    """
    place = Path(path)
    if not place.exists():
        raise DataError(f"{place}: there is no such file or folder; expected {_EXPECTED}")
    if place.is_dir():
        found = _of_folder(place, skip_bad=skip_bad)
    elif place.suffix.lower() in _PICTURES:
        found = Images([_picture(place)], (place.name,), None, origin=str(place))
    else:
        found = _of_file(place)
    if labels is not None:
        found = _labelled(found, read_labels(labels), str(labels))
    elif found.labels is None and "images-idx3" in place.name:
        beside = place.with_name(place.name.replace("images-idx3", "labels-idx1"))
        if beside.exists():
            found = _labelled(found, read_labels(beside), str(beside))
    if not len(found.images):
        raise DataError(f"{place} holds no image that can be read; expected {_EXPECTED}")
    if not any_size:
        _check_sizes(found)
    return found


def read_labels(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Read labels: an IDX or ``.npy`` file of one axis, or text with one label a line.

    Raises
    ------
    DataError
        If it is none of these.
    """
    place = Path(path)
    if not place.is_file():
        raise DataError(f"{place}: there is no such file; expected labels: IDX, .npy, or text with one a line")
    if place.suffix == ".npy":
        values = _array(place)
    elif _is_idx(place):
        values = _idx(place)
    else:
        try:
            lines = place.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise DataError(f"{place}: it is no text; expected labels: IDX, .npy, or text with one a line") from None
        return tuple(line.strip() for line in lines if line.strip())
    return _label_texts(values, str(place))


def _labelled(found: Images, labels: tuple[str, ...], origin: str) -> Images:
    if len(labels) != len(found.images):
        skipped = f" ({len(found.skipped)} were skipped: their labels are not known apart)" if found.skipped else ""
        raise DataError(
            f"{origin} has {len(labels)} labels, but {found.origin} has {len(found.images)} images{skipped}: "
            "give one label an image, in the same order"
        )
    return Images(found.images, found.names, labels, found.skipped, found.origin)


def _label_texts(values: NDArray[Any], origin: str) -> tuple[str, ...]:
    if values.ndim != 1:
        raise DataError(f"{origin}: labels have one axis, but it holds an array of shape {values.shape}")
    if values.dtype.kind == "f" and not (values == np.round(values)).all():
        raise DataError(
            f"{origin}: labels are whole numbers or text, but it holds {values[values != np.round(values)][0]}"
        )
    return tuple(str(int(v)) if values.dtype.kind in "iuf" else str(v) for v in values.tolist())


def _check_sizes(found: Images) -> None:
    first = found.images[0].shape
    for name, image in zip(found.names, found.images, strict=True):
        if image.shape != first:
            raise DataError(
                f"{found.origin}: {name} is {image.shape[1]} by {image.shape[0]} pixels, but {found.names[0]} is "
                f"{first[1]} by {first[0]}: cut all characters in the same way, or take any size (--any-size)"
            )


def _of_folder(place: Path, *, skip_bad: bool) -> Images:
    folders = sorted(
        (one for one in place.iterdir() if one.is_dir() and any(_pictures_in(one))), key=lambda one: one.name
    )
    loose = list(_pictures_in(place))
    if folders and loose:
        raise DataError(
            f"{place} holds pictures ({loose[0].name}, …) beside folders of pictures ({folders[0].name}, …): put each "
            "into the folder of its class"
        )
    images, names, labels, skipped = list[NDArray[Any]](), list[str](), list[str](), list[str]()
    for folder in folders or [place]:
        for file in _pictures_in(folder):
            name = str(file.relative_to(place))
            try:
                images.append(_picture(file))
            except DataError as error:
                if not skip_bad:
                    raise DataError(f"{error} (--skip-bad leaves such images out)") from error
                skipped.append(str(error))
                continue
            names.append(name)
            labels.append(folder.name)
    return Images(images, tuple(names), tuple(labels) if folders else None, tuple(skipped), str(place))


def _pictures_in(folder: Path) -> Iterator[Path]:
    return iter(sorted(one for one in folder.iterdir() if one.is_file() and one.suffix.lower() in _PICTURES))


def _picture(file: Path) -> NDArray[Any]:
    try:
        from PIL import Image
    except ImportError:
        raise MissingDependencyError(f"{file}: reading pictures needs Pillow: pip install 'gmmkit[images]'") from None
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise DataError(f"{file}: {picture.width} by {picture.height} pixels are too many for one character")
            # What is transparent is paper.
            if "A" in picture.getbands() or "transparency" in picture.info:
                coloured = picture.convert("RGBA")
                paper = Image.new("RGBA", coloured.size, "white")
                return np.asarray(Image.alpha_composite(paper, coloured).convert("L"))
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: it cannot be read as a picture ({error}): remove it or save it anew") from error


def _of_file(place: Path) -> Images:
    labels: tuple[str, ...] | None = None
    if place.suffix == ".npz":
        try:
            with np.load(place, allow_pickle=False) as file:
                if "images" not in file:
                    raise DataError(f"{place} holds {', '.join(file.files) or 'nothing'}; expected an array 'images'")
                values = file["images"]
                labels = _label_texts(file["labels"], f"{place}: labels") if "labels" in file else None
        except (OSError, ValueError, zlib.error) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{place}: it cannot be read as .npz ({error})") from error
    elif place.suffix == ".npy":
        values = _array(place)
    elif _is_idx(place):
        values = _idx(place)
    else:
        raise DataError(f"{place}: unknown kind of file; expected {_EXPECTED}")
    if values.ndim != 3 or values.dtype.kind not in "buif":
        raise DataError(
            f"{place}: images are an array of numbers (n, height, width), but it holds {values.dtype} {values.shape}"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        n = int(np.argwhere(~np.isfinite(values).all(axis=(1, 2)))[0, 0])
        raise DataError(f"{place}: image {n} holds NaN or an infinite value")
    if labels is not None and len(labels) != len(values):
        raise DataError(f"{place} has {len(labels)} labels, but {len(values)} images")
    images = cast("Sequence[NDArray[Any]]", values)
    return Images(images, tuple(map(str, range(len(values)))), labels, origin=str(place))


def _array(place: Path) -> NDArray[Any]:
    try:
        return cast("NDArray[Any]", np.load(place, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{place}: it cannot be read as .npy ({error})") from error


def _is_idx(place: Path) -> bool:
    try:
        with _opened(place) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return "idx" in place.name
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _IDX_TYPES


def _opened(place: Path) -> BinaryIO:
    with place.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(place, "rb") if compressed else place.open("rb"))


def _idx(place: Path) -> NDArray[Any]:
    try:
        with _opened(place) as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not 1 <= start[3] <= 4:
                raise DataError(f"{place}: it is no IDX file: it begins with {start!r}")
            lengths = file.read(4 * start[3])
            shape = tuple(int.from_bytes(lengths[i : i + 4], "big") for i in range(0, len(lengths), 4))
            dtype = np.dtype(_IDX_TYPES[start[2]])
            size = math.prod(shape) * dtype.itemsize
            if len(shape) < start[3] or math.prod(shape) > _MOST_VALUES:
                raise DataError(f"{place}: its header is cut short or claims {shape} values: copy the file again")
            values = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{place}: it cannot be read ({error}): it is damaged, copy the file again") from error
    if len(values) != size:
        held = f"more than {size}" if len(values) > size else len(values)
        raise DataError(
            f"{place}: it holds {held} bytes, but its header claims {size} for {shape}: copy the file again"
        )
    return np.frombuffer(values, dtype).reshape(shape)
