"""The classes of a classifier as plain values, and in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmmkit.cli.output import count, number, print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

    from gmmkit.files import ModelRecord

__all__ = ["classes_of_model", "classification_of", "print_classes", "print_classification"]

Facts = Mapping[str, Any]

_BEST_ROWS = 8
_CRITERIA = {"bic": "BIC", "error": "held-out error", "log_loss": "log loss"}


def classes_of_model(record: ModelRecord) -> dict[str, Any] | None:
    """Return what is known of a classifier's classes; None of another model, or if its record cannot be read."""
    from gmmkit.selection.class_records import classes_of_record

    fit, settings = record.fit, record.settings
    if "classes" not in fit:
        return None
    try:
        choice, labels = classes_of_record(record)
    except (LookupError, TypeError, ValueError):
        return None
    best, candidates = choice.best, choice.candidates
    pool = best.recipe.model == "pool"
    weights = fit.get("class_weights")
    known = isinstance(weights, list) and len(weights) == len(labels)
    classes = [
        {
            "class": label,
            "rows": weights[c] if known and isinstance(weights, list) else None,
            "prior": float(best.classes.priors[c]),
            "covariance_type": best.structures[0 if pool else c],
            "n_components": best.n_components[0 if pool else c],
        }
        for c, label in enumerate(labels)
    ]
    confusion, held_out = choice.confusion, None
    if confusion is not None:
        held_out = {
            "error": float(1.0 - confusion.trace() / confusion.sum()),
            "log_loss": candidates[0].get("log_loss") if candidates else None,
            "folds": settings.get("folds"),
            "confusion": confusion.tolist(),
        }
    return {
        "classifier": best.recipe.model,
        "label": fit.get("label"),
        "unlabelled_rows": fit.get("unlabelled_rows"),
        "classes": classes,
        "criterion": settings.get("criterion", "bic"),
        "shrinkage": best.recipe.shrinkage,
        "temperature": choice.temperature,
        "held_out": held_out,
        "candidates": list(candidates),
    }


def classification_of(record: ModelRecord) -> dict[str, Any]:
    """Return everything that is told of a classifier which was just made."""
    fit = record.fit
    return {
        **(classes_of_model(record) or {}),
        "n_rows": fit.get("n_rows"),
        "n_components": record.mixture.n_components,
        "n_features": record.mixture.n_features,
        "feature_names": record.feature_names,
        **{name: fit.get(name) for name in ("log_likelihood", "n_parameters", "spurious", "converged")},
        "warnings": list(map(str, fit.get("notes", ()))),
        "settings": record.settings,
        "provenance": record.provenance,
        "library_version": record.library_version,
    }


def print_classification(console: Console, facts: Facts) -> None:
    """Print what was chosen and from what, the classes, what held-out rows say, what is to be said against it."""
    source = facts["provenance"].get("source")
    rows = f"{count(facts['n_rows'], 'row')} of " if facts["n_rows"] else ""
    where = f" from {source}" if source else ""
    print_text(
        console,
        f"{_chosen(facts)}, {count(len(facts['classes']), 'class', 'classes')}: {rows}"
        f"{count(facts['n_features'], 'column')}{where}",
        style="bold",
    )
    if facts["unlabelled_rows"]:
        print_text(console, f"{count(facts['unlabelled_rows'], 'row')} of no known class took part in the fit.")
    _print_candidates(console, facts)
    print_classes(console, facts)
    for warning in facts["warnings"]:
        print_text(console, f"Note: {warning}.", style="yellow")


def print_classes(console: Console, facts: Facts) -> None:
    """Print the classes, and how often held-out rows of each are told as another."""
    classes = facts["classes"]
    # One structure, and one component a class, or components that are no class's own.
    own = facts["classifier"] == "MclustDA"
    console.print()
    print_table(
        console,
        ["<class", "rows", "prior", *(["<covariance", "components"] if own else [])],
        [
            [
                str(one["class"]),
                "-" if one["rows"] is None else _weight(one["rows"]),
                f"{100 * one['prior']:.1f} %",
                *([one["covariance_type"], str(one["n_components"])] if own else []),
            ]
            for one in classes
        ],
    )
    held_out = facts["held_out"]
    if held_out is None:
        print_text(console, "No rows were held out: nothing is known of its errors.", style="dim")
        return
    names = [str(one["class"]) for one in classes]
    confusion = held_out["confusion"]
    total = sum(map(sum, confusion))
    wrong = total - sum(row[c] for c, row in enumerate(confusion))
    folds = f", {held_out['folds']} folds" if held_out["folds"] else ""
    console.print()
    print_text(
        console,
        f"{_percent(held_out['error'])} of held-out rows are told as another class "
        f"({_weight(wrong)} of {_weight(total)}{folds}).",
        style="bold",
    )
    print_table(
        console,
        ["<true, told as:", *names, "wrong"],
        [[names[c], *map(_weight, row), _share_wrong(row, c)] for c, row in enumerate(confusion)],
    )
    temperature = f"{facts['temperature']:.3g}"
    if temperature != "1":
        surer = "less sure" if facts["temperature"] > 1.0 else "surer"
        print_text(console, f"Probabilities are made {surer}: temperature {temperature}.", style="dim")


def _weight(rows: float) -> str:
    """Return a number of rows, or a weight that need not be whole."""
    return f"{rows:,.0f}" if float(rows).is_integer() else f"{rows:,.4g}" if rows < 1000.0 else f"{rows:,.1f}"


def _share_wrong(row: Sequence[float], c: int) -> str:
    total = sum(row)
    return f"{100 * (total - row[c]) / total:.1f} %" if total else "-"


def _chosen(facts: Facts) -> str:
    """Return the model in a few words: its structure, and components where there are several."""
    classes, name = facts["classes"], facts["classifier"]
    structures = list(dict.fromkeys(one["covariance_type"] for one in classes))
    told = f"{structures[0]} covariance" if len(structures) == 1 else "each class's own covariance"
    what = f"{'Pool' if name == 'pool' else name}, {told}"
    if name != "EDDA":
        what += f", {count(facts['n_components'], 'component')}"
    if facts["shrinkage"]:
        what += f", shrinkage {facts['shrinkage']:g}"
    return what


def _print_candidates(console: Console, facts: Facts) -> None:
    tried = facts["candidates"]
    if len(tried) < 2:
        if facts["classifier"] == "MclustDA" and facts["criterion"] == "bic":
            print_text(console, "Each class's size and structure: the best BIC for its rows.", style="dim")
        return
    sized = facts["classifier"] != "EDDA"
    shrunk = len({row["shrinkage"] for row in tried}) > 1
    validated = any(row["error"] is not None for row in tried[1:])
    head = ["<covariance", *(["components"] if sized else []), *(["shrinkage"] if shrunk else []), "BIC"]
    head += [*(["held-out error", "log loss"] if validated else []), "parameters"]
    fitted = [row for row in tried if row["failed"] is None and row["spurious"] is None]
    shown = fitted[:_BEST_ROWS] or tried[:1]
    console.print()
    print_table(
        console,
        head,
        [
            [
                _several(row["covariance_type"]),
                *([_several(row["n_components"])] if sized else []),
                *([f"{row['shrinkage']:g}"] if shrunk else []),
                number(row["bic"]),
                *([_percent(row["error"]), number(row["log_loss"], 4)] if validated else []),
                "-" if row["n_parameters"] is None else str(row["n_parameters"]),
            ]
            for row in shown
        ],
        best=0,
    )
    by = "log loss" if facts["criterion"] == "bic" and shrunk else _CRITERIA[facts["criterion"]]
    spurious = sum(row["spurious"] is not None for row in tried)
    more = max(0, len(fitted) - len(shown))
    failed = sum(row["failed"] is not None for row in tried)
    parts = [
        *([f"{more} more {'is' if more == 1 else 'are'} worse"] if more else []),
        *([f"{spurious} {'is' if spurious == 1 else 'are'} spurious"] if spurious else []),
        *([f"{failed} could not be fitted"] if failed else []),
    ]
    beside = f"; beside those shown, {', '.join(parts)}" if parts else ""
    print_text(console, f"Chosen by {by}: lower is better. {count(len(tried), 'model')} tried{beside}.", style="dim")


def _several(values: Sequence[Any]) -> str:
    """Return what all classes share once, else each class's."""
    return ", ".join(map(str, values[:1] if len(set(values)) == 1 else values))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"
