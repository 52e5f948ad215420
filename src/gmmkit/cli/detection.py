"""How ``gmmkit anomalies`` judges rows: by what is normal of them, of clean ones, or of those of a kept detector."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gmmkit.cli.boundary import UsageError
from gmmkit.cli.output import count
from gmmkit.errors import ModelFormatError

if TYPE_CHECKING:
    from gmmkit.data import Table
    from gmmkit.files import ModelRecord
    from gmmkit.model.normality import Normality
    from gmmkit.selection.judging import Judged, Rule

__all__ = ["Verdict", "check_kept", "judged_by", "judged_by_fit", "open_detector", "write_page"]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Rows that were judged, by what is normal, and the detector that says so."""

    judged: Judged
    normality: Normality
    detector: ModelRecord


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


def judged_by(record: ModelRecord, path: str, table: Table, rule: Rule, jobs: int | None) -> Verdict:
    """Judge rows by a detector that was kept at `path`; without a rule by the threshold that it has."""
    from gmmkit.selection.conformal import fewest_scores
    from gmmkit.selection.judging import judge_by_kept
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
    if rule.is_open and offset == -math.inf:
        raise UsageError(
            f"{path} has no threshold: it was fitted to too few rows for one; give --contamination or --p-value"
        )
    judged = judge_by_kept(table, normality, reference, offset, record.settings, rule, clean=clean, n_jobs=jobs)
    notes = _too_few_for_rate(len(reference), table.n_rows, rule.rate)
    if rule.p_value is not None and len(reference) < (needed := fewest_scores(rule.p_value)):
        notes.append(
            f"no p-value beside {count(len(reference), 'score')} of {path} can be at most {rule.p_value:g}, "
            f"so none is an anomaly by it: that takes {needed:,}, or a larger p-value"
        )
    return Verdict(replace(judged, notes=notes), normality, record)


def judged_by_fit(
    table: Table, clean: Table | None, rule: Rule, seed: int, jobs: int | None, provenance: dict[str, str]
) -> Verdict:
    """Judge rows by a fit to them, or to clean ones."""
    from gmmkit.cli.asked import engine_seed
    from gmmkit.selection.anomalies import (
        AnomalySettings,
        constant_columns,
        find_anomalies,
        outlier_threshold,
        too_few_rows,
    )
    from gmmkit.selection.conformal import conformal_p_values
    from gmmkit.selection.judging import USUAL, judge
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
    level = USUAL if rule.p_value is None else rule.p_value
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
    judged = judge(scores, p_values, rule, ranks=clean is None)
    return Verdict(replace(judged, notes=notes), result.normality, record)


def write_page(path: str, verdict: Verdict, table: Table, *, command: str) -> None:
    """Write the report of rows that were judged."""
    from gmmkit.report.anomalies import write_anomaly_report
    from gmmkit.report.judged import FITTED_MAY_BE_ANOMALIES

    judged = verdict.judged
    if not (judged.ranks or verdict.detector.fit["clean"]):
        judged = replace(judged, notes=(*judged.notes, FITTED_MAY_BE_ANOMALIES))
    write_anomaly_report(verdict.detector, path, rows=table, judged=judged, command=command)


def _too_few_for_rate(n_reference: int, n_rows: int, rate: float | None) -> list[str]:
    """Say if so many clean rows cannot tell a single anomaly at a false-discovery rate."""
    if rate is None or n_reference >= (needed := math.ceil(n_rows / rate) - 1):
        return []
    return [
        f"{count(n_reference, 'clean row')} cannot tell a single anomaly among {n_rows:,} rows "
        f"at a rate of {rate:g}, only several: that would take {needed:,}"
    ]
