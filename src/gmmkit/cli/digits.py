"""``gmmkit digits``: handwritten characters, learnt from labelled images and told in others."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmmkit.cli.boundary import UsageError, guarded, remark
from gmmkit.cli.commands import command_line
from gmmkit.cli.options import JobsOption, JsonOption, QuietOption, at_least, below_one, one_of
from gmmkit.cli.output import console_on, count, print_json, print_table, print_text
from gmmkit.cli.outputs import print_places
from gmmkit.cli.places import MODEL, PAGE, check_output
from gmmkit.cli.progress import Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.applications.handwriting import HandwritingClassifier, Images

__all__ = ["digits"]

_MOST_NAMED = 10  # labels in a line

digits = typer.Typer(no_args_is_help=True, help="Handwritten characters: learn them from labelled images, tell others.")

ImagesArgument = Annotated[
    str,
    typer.Argument(
        metavar="IMAGES", help="Folder of pictures (one folder a class), IDX file (also .gz), .npy or .npz."
    ),
]
LabelsOption = Annotated[
    str | None, typer.Option("--labels", metavar="FILE", help="Their labels: IDX, .npy, or text with one a line.")
]
SkipOption = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read, and name them.")]
SizeOption = Annotated[bool, typer.Option("--any-size", help="Take images of different sizes.")]
InkOption = Annotated[
    str, typer.Option("--ink", **one_of("auto", "light", "dark"), help="Whether ink is brighter than paper.")
]
ReportOption = Annotated[str | None, typer.Option("--report", metavar="FILE", help="Also write a report (.html).")]


def train(
    context: typer.Context,
    images: ImagesArgument,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to keep the model (.gmm).")
    ] = None,
    labels: LabelsOption = None,
    axes: Annotated[
        int, typer.Option(parser=at_least(1), metavar="N", help="Axes or factors that images are reduced to.")
    ] = 60,
    reduction: Annotated[
        str, typer.Option("--reduction", **one_of("pca", "factors"), help="Principal axes, or factor analysis.")
    ] = "pca",
    components: Annotated[
        int,
        typer.Option("--components", "-k", parser=at_least(1), metavar="N", help="Components of each class."),
    ] = 1,
    ink: InkOption = "auto",
    deskew: Annotated[bool, typer.Option("--deskew/--no-deskew", help="Take out the slant.")] = True,
    skip_bad: SkipOption = False,
    any_size: SizeOption = False,
    report: ReportOption = None,
    seed: Annotated[int, typer.Option(parser=at_least(0), metavar="N", help="The same seed gives the same model.")] = 0,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Learn characters from labelled images; say how often held-out ones are taken for others."""
    check_output("--output", output, ends=MODEL)
    check_output("--report", report, ends=PAGE)
    from gmmkit.applications.handwriting import HandwritingClassifier, save_handwriting

    command = command_line(context)
    with Watch(quiet=quiet) as watch:
        watch.say(f"reading {images}")
        found = _read(images, labels, skip_bad=skip_bad, any_size=any_size)
        if found.labels is None:
            raise UsageError(
                f"{images}: no image has a label; put pictures into one folder a class, or give --labels FILE"
            )
        watch.say(f"learning from {count(len(found.images), 'image')}")
        classes: dict[str, Any] = {"random_state": seed, "n_jobs": jobs}
        if components > 1:
            classes |= {"model": "MclustDA", "n_components": components}
        model = HandwritingClassifier(axes=axes, reduction=reduction, deskew=deskew, ink=ink, **classes)  # type: ignore[arg-type]
        model.fit(found.images, found.labels)
        facts = _facts_of(model, found)
        if output is not None:
            n, counts = len(found.images), Counter(found.labels)
            own = [float(counts[name]) for name in model.classes_.tolist()]
            # Not where it lies: the file may be given away.
            source = os.path.basename(os.path.abspath(found.origin))
            known = {"n_rows": n, "total_weight": float(n), "class_weights": own}
            save_handwriting(model, output, known=known, provenance={"source": source, "command": command})
        if report is not None:
            from gmmkit.report.handwriting import write_handwriting_report

            watch.say("drawing the report")
            # Of images that it was fitted to a model is too sure: probabilities are those of models of the other folds.
            held_out = model.held_out
            write_handwriting_report(
                model, report, images=found.images, names=found.names, labels=found.labels,
                probabilities=held_out, seen=True, command=command,
            )  # fmt: skip
    if as_json:
        print_json({"model": output, "report": report, **facts})
    elif not quiet:
        console = console_on(sys.stderr)
        print_text(
            console,
            f"{count(facts['images'], 'image')} of {count(len(facts['classes']), 'class', 'classes')}: "
            f"{facts['held_out_error']:.2%} of held-out images are taken for another",
        )
        _print_confusion(console, facts["classes"], facts["confusion"])
        print_places(console, output, report)
        if output is None:
            print_text(console, "The model is not kept: give -o FILE.gmm to keep it")


def classify(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file (.gmm) written by gmmkit digits train.")],
    images: ImagesArgument,
    labels: LabelsOption = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="CSV file; default: stdout.")
    ] = None,
    reject: Annotated[
        float | None,
        typer.Option(
            parser=below_one,
            metavar="COST",
            help="Leave undecided whose label is wrong with more than this probability.",
        ),
    ] = None,
    skip_bad: SkipOption = False,
    any_size: SizeOption = False,
    report: ReportOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Tell the character in each image, and how sure that is; with labels, how many are wrong."""
    if output is not None and not output.lower().endswith(".csv"):
        raise UsageError(f"--output {output}: unknown kind of file; expected a name that ends in .csv")
    check_output("--output", output, inputs=(model, images))
    check_output("--report", report, ends=PAGE)
    with Watch(quiet=quiet) as watch:
        loaded = _opened(model)
        watch.say(f"reading {images}")
        found = _read(images, labels, skip_bad=skip_bad, any_size=any_size)
        watch.say(f"classifying {count(len(found.images), 'image')}")
        probabilities = loaded.predict_proba(found.images)
        told = loaded.classes_[probabilities.argmax(axis=1)]
        undecided = probabilities.max(axis=1) < 1.0 - reject if reject is not None else None
        if report is not None:
            from gmmkit.report.handwriting import write_handwriting_report

            watch.say("drawing the report")
            write_handwriting_report(
                loaded, report, images=found.images, names=found.names, labels=found.labels,
                probabilities=probabilities, undecided=undecided, seen=False, command=command_line(context),
            )  # fmt: skip
    _write_answers(output, found, told, probabilities, undecided, as_json=as_json)
    if found.labels is not None and not quiet:
        _print_errors(loaded, found, told, undecided)


digits.command()(guarded(train))
digits.command()(guarded(classify))


def _read(images: str, labels: str | None, *, skip_bad: bool, any_size: bool) -> Images:
    from gmmkit.applications.handwriting import read_images

    found = read_images(images, labels=labels, skip_bad=skip_bad, any_size=any_size)
    for why in found.skipped:
        remark(f"warning: skipped {why}")
    return found


def _opened(path: str) -> HandwritingClassifier:
    from gmmkit.applications.handwriting import load_handwriting
    from gmmkit.errors import ModelFormatError

    try:
        return load_handwriting(path)
    except OSError as error:
        raise ModelFormatError(f"{path}: {error.strerror or error}; expected a model file (.gmm)") from error


def _facts_of(model: HandwritingClassifier, found: Images) -> dict[str, Any]:
    confusion = model.classifier_.confusion_
    assert confusion is not None, "probabilities were calibrated"
    return {
        "images": len(found.images),
        "skipped": list(found.skipped),
        "classes": model.classes_.tolist(),
        "reduction": model.reduction,
        "axes": len(model.basis_),
        "shrinkage": model.classifier_.shrinkage_,
        "temperature": model.classifier_.temperature_,
        "held_out_error": float(1.0 - confusion.trace() / confusion.sum()),
        "confusion": confusion.astype(int).tolist(),
    }


def _write_answers(
    output: str | None,
    found: Images,
    told: NDArray[np.str_],
    probabilities: NDArray[np.float64],
    undecided: NDArray[np.bool_] | None,
    *,
    as_json: bool,
) -> None:
    rows = []
    for n, name in enumerate(found.names):
        row: dict[str, Any] = {"image": name, "label": str(told[n]), "probability": float(probabilities[n].max())}
        if undecided is not None:
            row["rejected"] = bool(undecided[n])
        if found.labels is not None:
            row["true_label"] = found.labels[n]
        rows.append(row)
    if as_json and output is None:
        print_json({"images": rows, "skipped": list(found.skipped)})
        return
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if output is None:
        sys.stdout.write(text.getvalue())
    else:
        from gmmkit.files import write_atomically

        write_atomically(output, [text.getvalue().encode()])


def _print_errors(
    model: HandwritingClassifier, found: Images, told: NDArray[np.str_], undecided: NDArray[np.bool_] | None
) -> None:
    import numpy as np

    assert found.labels is not None
    labels = np.array(found.labels)
    unknown = sorted(set(found.labels) - set(model.classes_.tolist()))
    console = console_on(sys.stderr)
    if not set(labels) & set(model.classes_.tolist()):
        print_text(
            console,
            f"None of the images' labels ({_named(unknown)}) is a class of the model "
            f"({_named(model.classes_.tolist())}): nothing is counted as right or wrong",
        )
        return
    wrong = told != labels
    print_text(console, f"{int(wrong.sum())} of {len(labels)} are wrong: {wrong.mean():.2%}")
    if undecided is not None:
        decided = ~undecided
        share = f"{wrong[decided].mean():.2%} of the others wrong" if decided.any() else "no other"
        print_text(console, f"{int(undecided.sum())} are left undecided, {share}")
    if unknown:
        print_text(console, f"The model knows no class {_named(unknown)}: such images count as wrong")
    classes = model.classes_.tolist()
    confusion = [[int(((labels == a) & (told == b)).sum()) for b in classes] for a in classes]
    _print_confusion(console, classes, confusion)


def _named(labels: list[str]) -> str:
    """Return some labels for a line."""
    return ", ".join(map(repr, labels[:_MOST_NAMED])) + (", …" if len(labels) > _MOST_NAMED else "")


def _print_confusion(console: Any, classes: list[str], confusion: list[list[int]]) -> None:
    rows = [[name, *map(str, row)] for name, row in zip(classes, confusion, strict=True)]
    print_table(console, ["<true, taken for:", *classes], rows)
