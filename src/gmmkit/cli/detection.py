"""How ``gmmkit anomalies`` judges rows: by what is normal of them, of clean ones, or of those of a kept detector."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.output import count, number
from gmmkit.errors import ModelFormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.model.normality import Normality

__all__ = ["Judged", "Rule", "check_kept", "judged_by", "judged_by_fit", "open_detector", "write_page"]

_P_VALUE = 0.05


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows are taken for anomalies; at most one is not None.

    Attributes
    ----------
    contamination : float or None
        This share of them.
    p_value : float or None
        Those whose p-value is at most this.
    rate : float or None
        As many that at most this share of them is normal, on average.
    """

    contamination: float | None
    p_value: float | None
    rate: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is told of the rows: arrays (n,), the rule in words, and what is to be said of the data."""

    normality: Normality
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    flags: NDArray[np.bool_]
    rule: str
    notes: tuple[str, ...]


def check_kept(path: str | None, source: str) -> None:
    """Raise if what is kept at `path` would replace a detector of other data: perhaps that was to be asked."""
    if path is None or not os.path.isfile(path):
        return
    from gmmkit.files import read_model
    from gmmkit.files.record import DETECTOR

    try:
        record = read_model(path)
    except (OSError, ModelFormatError):
        return  # not a detector, so nobody meant to ask it
    of = record.provenance.get("source", "other rows")
    if record.estimator == DETECTOR and of != ("standard input" if source == "-" else os.path.basename(source)):
        raise UsageError(
            f"--model {path} would be replaced, and is a detector that was fitted to {of}: "
            f"take --with {path} to judge rows by it, or another name to keep a new one"
        )


def open_detector(path: str) -> ModelRecord:
    """Read a detector's model file.

    Raises
    ------
    ModelFormatError
        Also if there is no such file, or it holds another model.
    """
    from gmmkit.cli.models import read_record
    from gmmkit.files.record import DETECTOR

    record = read_record(path)
    if record.estimator != DETECTOR:
        raise ModelFormatError(
            f"{path} holds a {record.estimator}, no detector of anomalies: gmmkit anomalies DATA --model FILE keeps one"
        )
    return record


def judged_by(record: ModelRecord, path: str, table: Table, rule: Rule, jobs: int | None) -> Judged:
    """Judge rows by a detector that was kept at `path`; without a rule by the threshold that it has."""
    from gmmkit.selection.conformal import conformal_p_values, fewest_scores
    from gmmkit.selection.normality_records import normality_of_record

    try:
        normality, reference, offset, clean = normality_of_record(record)
    except (LookupError, TypeError, ValueError) as error:
        raise ModelFormatError(f"{path}: its record of the fit is incomplete ({error!r})") from error
    if rule.rate is not None and not clean:
        raise UsageError(
            f"--fdr needs clean rows, and {path} was fitted to rows that may be anomalies themselves: "
            "keep one with --train CLEAN, or take --p-value or --contamination"
        )
    scores = normality.score(table, n_jobs=jobs)
    p_values = conformal_p_values(reference, scores)
    if rule == Rule(None, None, None):
        if offset == -math.inf:
            raise UsageError(
                f"{path} has no threshold: it was fitted to too few rows for one; give --contamination or --p-value"
            )
        return Judged(normality, scores, p_values, scores < offset, f"the threshold of {path}, {number(offset)}", ())
    flags, words = _flagged(rule, scores, p_values)
    notes = _too_few_for_rate(len(reference), len(scores), rule.rate)
    if rule.p_value is not None and len(reference) < (needed := fewest_scores(rule.p_value)):
        notes.append(
            f"no p-value beside {count(len(reference), 'score')} of {path} can be at most {rule.p_value:g}, "
            f"so none is an anomaly by it: that takes {needed:,}, or a larger p-value"
        )
    return Judged(normality, scores, p_values, flags, words, tuple(notes))


def judged_by_fit(
    table: Table, clean: Table | None, rule: Rule, seed: int, jobs: int | None, provenance: dict[str, str]
) -> tuple[Judged, ModelRecord]:
    """Judge rows by a fit to them, or to clean ones; also returns the detector, to be kept."""
    from gmmkit.cli.asked import engine_seed
    from gmmkit.selection.anomalies import (
        AnomalySettings,
        constant_columns,
        find_anomalies,
        outlier_threshold,
        too_few_rows,
    )
    from gmmkit.selection.conformal import conformal_p_values
    from gmmkit.selection.normality_records import record_of_normality

    fitted = table if clean is None else clean
    known = rule.contamination if clean is None else None
    settings = AnomalySettings(clean is not None, "cross", engine_seed(seed), known or 0.0)
    result = find_anomalies(fitted, settings, n_jobs=jobs)
    if clean is None:
        assert result.p_values is not None, "folds score every row"
        scores, p_values = result.scores, result.p_values
    else:
        scores = result.normality.score(table, n_jobs=jobs)
        p_values = conformal_p_values(result.reference, scores)
    level = _P_VALUE if rule.p_value is None else rule.p_value
    flags, words = _flagged(rule, scores, p_values)
    notes = [constant_columns(result.constant, table.names)] if result.constant else []
    notes += _too_few_for_rate(len(result.reference), table.n_rows, rule.rate)
    by_p_value = rule.contamination is None and rule.rate is None
    if by_p_value and (few := too_few_rows(settings, fitted.n_rows, level)):
        notes.append(few)
    record = record_of_normality(
        result.normality,
        result.reference,
        outlier_threshold(result, settings, level),
        settings.clean,
        {
            "contamination": "auto" if known is None else known,
            "p_value": level,
            "novelty": settings.clean,
            "calibration": settings.calibration,
            "random_state": seed,
        },
        feature_names=fitted.names,
        provenance={"source": fitted.origin, **provenance},
    )
    return Judged(result.normality, scores, p_values, flags, words, tuple(notes)), record


def write_page(
    path: str, record: ModelRecord, table: Table, judged: Judged, rule: Rule, *, ranks: bool, command: str
) -> None:
    """Write the report of rows that were judged; `ranks`: by a fit to themselves."""
    from gmmkit.report.anomalies import write_anomaly_report
    from gmmkit.report.judged import FITTED_MAY_BE_ANOMALIES
    from gmmkit.report.judged import Judged as Shown

    clean = bool(record.fit["clean"])
    level = rule.p_value
    if rule == Rule(None, None, None) and record.settings.get("contamination") == "auto":
        level = record.settings.get("p_value")
    notes = judged.notes if clean or ranks else (*judged.notes, FITTED_MAY_BE_ANOMALIES)
    shown = Shown(
        judged.scores,
        judged.p_values,
        judged.flags,
        judged.rule,
        level=level if clean else None,
        rate=rule.rate,
        given_share=rule.contamination is not None,
        ranks=ranks,
        notes=notes,
    )
    write_anomaly_report(record, path, rows=table, judged=shown, command=command)


def _flagged(rule: Rule, scores: Any, p_values: Any) -> tuple[NDArray[np.bool_], str]:
    from gmmkit.selection.conformal import benjamini_hochberg, threshold_of_share

    if rule.contamination is not None:
        return (
            scores < threshold_of_share(scores, rule.contamination),
            f"the lowest {rule.contamination:.3g} of scores",
        )
    if rule.rate is not None:
        return benjamini_hochberg(p_values, rule.rate), f"a false-discovery rate of {rule.rate:g}"
    level = _P_VALUE if rule.p_value is None else rule.p_value
    return p_values <= level, f"a p-value of at most {level:g}"


def _too_few_for_rate(n_reference: int, n_rows: int, rate: float | None) -> list[str]:
    """Say if so many clean rows cannot tell a single anomaly at a false-discovery rate."""
    if rate is None or n_reference >= (needed := math.ceil(n_rows / rate) - 1):
        return []
    return [
        f"{count(n_reference, 'clean row')} cannot tell a single anomaly among {n_rows:,} rows "
        f"at a rate of {rate:g}, only several: that would take {needed:,}"
    ]
