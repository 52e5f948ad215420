"""What ``gmmkit density`` is asked of a model: highest-density regions, boxes, and how far it is from another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gmmkit.cli.given import Ends, by_position
from gmmkit.cli.output import number, print_text

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.files import ModelRecord
    from gmmkit.model.mixture import Mixture

__all__ = ["Boxes", "answers_of", "check_boxes", "print_answers"]

Bounds: TypeAlias = dict[str, Ends]
#: The bounds of each column, by the text that asked for them.
Boxes: TypeAlias = dict[str, Bounds]


def answers_of(
    record: ModelRecord, regions: Sequence[float], boxes: Boxes, other: tuple[str, ModelRecord] | None, seed: int
) -> dict[str, Any]:
    """Return the answers as plain values: regions, boxes, and how far the other model is from this one."""
    mixture = record.mixture
    names = list(record.feature_names or map(str, range(mixture.n_features)))
    answers: dict[str, Any] = {}
    if regions:
        answers["regions"] = [_region(mixture, names, share, seed) for share in regions]
    if boxes:
        answers["boxes"] = [_box(mixture, names, text, bounds, seed) for text, bounds in boxes.items()]
    if other is not None:
        answers["comparison"] = _comparison(record, *other, seed)
    return answers


def _region(mixture: Mixture, names: Sequence[str], share: float, seed: int) -> dict[str, Any]:
    level = mixture.highest_density_level(share, seed=seed)
    return {
        "probability": share,
        "log_density": level.value,
        "standard_error": level.standard_error,
        "columns": {
            name: [list(ends) for ends in mixture.marginal([j]).highest_density_region(share)]
            for j, name in enumerate(names)
        },
    }


def check_boxes(boxes: Boxes, names: Sequence[str] | None, n_columns: int) -> None:
    """Raise if a box names a column that is not there, or one twice."""
    for wanted in boxes.values():
        by_position("--box", wanted, names or [str(j) for j in range(n_columns)])


def _box(mixture: Mixture, names: Sequence[str], text: str, bounds: Bounds, seed: int) -> dict[str, Any]:
    found = mixture.box_probability(by_position("--box", bounds, names), seed=seed)
    return {"box": text, "probability": found.value, "standard_error": found.standard_error}


def _comparison(record: ModelRecord, path: str, other: ModelRecord, seed: int) -> dict[str, Any]:
    from gmmkit.errors import DataError
    from gmmkit.model.compare import jensen_shannon, kl

    if None not in (record.feature_names, other.feature_names) and record.feature_names != other.feature_names:
        raise DataError(
            f"{path} is of the columns {', '.join(other.feature_names or ())}, but this model is of "
            f"{', '.join(record.feature_names or ())}: compare models of the same columns, in the same order"
        )
    found = {
        "kl_to_other": kl(record.mixture, other.mixture, seed=seed),
        "kl_from_other": kl(other.mixture, record.mixture, seed=seed),
        "jensen_shannon": jensen_shannon(record.mixture, other.mixture, seed=seed),
    }
    values = {name: {"value": e.value, "standard_error": e.standard_error} for name, e in found.items()}
    return {"other": path, **values}


def print_answers(console: Console, answers: dict[str, Any]) -> None:
    """Print what was asked."""
    from gmmkit.model.regions import joined

    for found in answers.get("regions", ()):
        error = f" ± {number(found['standard_error'])}" if found["standard_error"] else ""
        share = f"{100 * found['probability']:g} %"
        print_text(console, f"{share} of the probability lies where the log-density is above "
                   f"{number(found['log_density'], 3)}{error}; column by column")  # fmt: skip
        for name, parts in found["columns"].items():
            ends = ", ".join(f"{low:.6g} to {high:.6g}" for low, high in joined(parts))
            print_text(console, f"  {name}: {ends}")
    for found in answers.get("boxes", ()):
        error = f" ± {found['standard_error']:.1g}" if found["standard_error"] else ""
        print_text(console, f"{found['box']}: probability {found['probability']:.6g}{error}")
    if "comparison" in answers:
        found = answers["comparison"]
        words = {
            "kl_to_other": "Kullback-Leibler divergence to it",
            "kl_from_other": "Kullback-Leibler divergence from it",
            "jensen_shannon": "Jensen-Shannon divergence (0: the same, 0.693: apart)",
        }
        print_text(console, f"Beside {found['other']}, in nats:")
        for name, said in words.items():
            value = found[name]
            print_text(console, f"  {said}: {value['value']:.4g} ± {value['standard_error']:.1g}")
