"""The report of a classifier of handwriting: what is taken for what, what classes look like, the hardest cases."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmkit.applications.handwriting import HandwritingClassifier
from gmmkit.applications.handwriting.classifier import SIZE
from gmmkit.applications.handwriting.upright import ink_of, upright
from gmmkit.files.atomic import write_atomically
from gmmkit.report.document import page
from gmmkit.report.html import Html, cells, join, table, tag
from gmmkit.report.words import percent, plural

__all__ = ["png", "render_handwriting_report", "write_handwriting_report"]

Array = NDArray[np.float64]

_SAMPLES, _HARDEST, _ZOOM = 10, 24, 2


def write_handwriting_report(model: HandwritingClassifier, path: str | os.PathLike[str], **shown: Any) -> None:
    """Write the report as one HTML file that opens anywhere; see `render_handwriting_report`.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there is left as it was.
    """
    write_atomically(path, [render_handwriting_report(model, **shown).encode()])


def render_handwriting_report(
    model: HandwritingClassifier,
    *,
    images: Sequence[NDArray[Any]],
    names: Sequence[str],
    labels: Sequence[str] | None,
    probabilities: Array,
    undecided: NDArray[np.bool_] | None = None,
    seen: bool,
    command: str,
) -> str:
    """Return the report as one page of HTML: the same text for the same input.

    Parameters
    ----------
    model : HandwritingClassifier
    images : sequence of ndarray (h, w)
    names : sequence of str
    labels : sequence of str or None
        Their classes, where they are known.
    probabilities : ndarray of shape (n, C)
        Of the classes of the model.
    undecided : ndarray of bool, shape (n,), optional
        Images that are left without a class: they count neither as right nor as wrong.
    seen : bool
        Whether the model was fitted to the images; probabilities are then those of models that were not.
    command : str
    """
    classes = model.classes_.tolist()
    told = probabilities.argmax(axis=1)
    if labels is None:
        places, own = None, probabilities.max(axis=1)
    else:
        places = np.array([classes.index(label) if label in classes else -1 for label in labels])
        own = np.where(places >= 0, probabilities[np.arange(len(told)), places], 0.0)
    title = _title(None if places is None else told != places, undecided, len(told), seen=seen)
    sections = [
        (
            "confusion",
            "What is taken for what",
            None if places is None else _confusion(classes, places, told, undecided),
        ),
        ("classes", "What the classes look like", _classes(model)),
        ("hardest", "The hardest cases", _hardest(model, images, names, labels, probabilities, own)),
        ("model", "The model", _about(model, command)),
    ]
    return page(title, tag("header", tag("h1", title)), sections)


def _title(wrong: NDArray[np.bool_] | None, undecided: NDArray[np.bool_] | None, n: int, *, seen: bool) -> str:
    kind = "held-out image" if seen else "image"
    if undecided is None:
        if wrong is None:
            return f"{plural(n, kind)}, classified"
        return f"{percent(float(wrong.mean()))} of {plural(n, kind)} are taken for another character"
    left = f"{plural(n, kind)}, {int(undecided.sum())} of them left undecided"
    if wrong is None or undecided.all():
        return left
    return f"{left}; {percent(float(wrong[~undecided].mean()))} of the others are taken for another character"


def png(grey: Array) -> str:
    """Return an image (h, w) of greys from 0, black, to 1, white, as a data URI.

    Examples
    --------
    >>> png(np.zeros((2, 2)))[:22]
    'data:image/png;base64,'
    """
    values = (np.clip(grey, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    height, width = values.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), values], axis=1).tobytes()
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts]
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()


def _picture(images: Array, alt: str) -> Html:
    """Return images (n, size, size), ink from 0 to 1, beside each other, dark on white."""
    framed = np.pad(1.0 - np.clip(images, 0.0, 1.0), ((0, 0), (1, 1), (1, 1)), constant_values=0.8)
    sheet = np.concatenate(list(framed), axis=1)
    height, width = sheet.shape
    return tag("img", src=png(sheet), alt=alt, width=width * _ZOOM, height=height * _ZOOM)


def _confusion(
    classes: list[str], places: NDArray[np.intp], told: NDArray[np.intp], undecided: NDArray[np.bool_] | None
) -> Html:
    counts = np.zeros((len(classes), len(classes) + 1), dtype=int)
    known = places >= 0
    answers = told if undecided is None else np.where(undecided, len(classes), told)
    np.add.at(counts, (places[known], answers[known]), 1)
    rows = []
    for c, name in enumerate(classes):
        *decided, left = counts[c].tolist()
        share = percent(1.0 - decided[c] / sum(decided)) if sum(decided) else "-"
        shown = [tag("strong", str(n)) if j == c else str(n) if n else "·" for j, n in enumerate(decided)]
        rows.append(cells([name, *shown, *([] if undecided is None else [str(left)]), share], heads=1))
    caption = "Images of each character (down) taken for each (across)"
    return table(caption, ["", *classes, *([] if undecided is None else ["undecided"]), "wrong"], rows)


def _classes(model: HandwritingClassifier) -> Html:
    rows = []
    for name in model.classes_.tolist():
        mean = _picture(model.mean_image(name)[None], f"the mean of {name}")
        drawn = _picture(model.draw(name, _SAMPLES), f"images drawn from the density of {name}")
        rows.append(cells([name, mean, drawn], heads=1))
    note = "Images are upright: centred, slant taken out. Those that are drawn were never written by anybody."
    return join([table("Each class's mean, and images drawn from its density", ["", "mean", "drawn"], rows),
                 tag("p", note, class_="note")])  # fmt: skip


def _hardest(
    model: HandwritingClassifier,
    images: Sequence[NDArray[Any]],
    names: Sequence[str],
    labels: Sequence[str] | None,
    probabilities: Array,
    own: Array,
) -> Html:
    classes, rows = model.classes_.tolist(), []
    # Of those with the same probability, as none of a class that is not known has any, the surest mistakes go first.
    for n in np.lexsort((-probabilities.max(axis=1), own))[:_HARDEST].tolist():
        made = upright(ink_of(images[n], model.ink), SIZE, deskew=model.deskew)
        told = int(probabilities[n].argmax())
        known = [] if labels is None else [labels[n], percent(float(own[n]))]
        name = names[n] if not names[n].isdigit() else f"image {names[n]}"
        values = [name, _picture(made[None], f"{name}, upright"), *known, classes[told]]
        rows.append(cells([*values, percent(float(probabilities[n, told]))], heads=1))
    caption = "Those whose own class has the least probability" if labels is not None else "The least sure ones"
    head = ["", "upright", *([] if labels is None else ["is", "probability"]), "taken for", "probability"]
    return table(caption, head, rows)


def _about(model: HandwritingClassifier, command: str) -> Html:
    classifier = model.classifier_
    structure = ", ".join(dict.fromkeys(classifier.covariance_type_))
    sizes = ", ".join(map(str, dict.fromkeys(classifier.n_components_)))
    q = len(model.basis_)
    reduced = plural(q, "principal axis", "principal axes") if model.reduction == "pca" else plural(q, "factor")
    told = (
        f"Images are reduced to {reduced} of their ink and of "
        f"the directions of their strokes. There each class is a mixture of {sizes} Gaussian component(s), structure "
        f"{structure}, with a share of {percent(classifier.shrinkage_)} of the covariance within all classes; "
        f"probabilities have the temperature {classifier.temperature_:.3g}. Both were chosen by cross-validation."
    )
    return join([tag("p", told), tag("pre", tag("code", command))])
