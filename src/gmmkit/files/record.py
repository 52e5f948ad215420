"""What a model file holds: the mixture, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from gmmkit.errors import ParameterError
from gmmkit.files.json_values import Json, plain, shown

if TYPE_CHECKING:
    from gmmkit.model.mixture import Mixture

__all__ = ["DETECTOR", "GENERATOR", "REGRESSOR", "ModelRecord"]

#: The estimator whose mixture is in robust units, not in those of the data's columns: only itself can be asked.
DETECTOR = "GaussianMixtureOutlierDetector"
#: The estimator whose mixture is on scales on which columns do not end: only itself can be asked.
GENERATOR = "GaussianMixtureGenerator"
#: The estimator whose mixture is one of inputs, then targets.
REGRESSOR = "GaussianMixtureRegressor"

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}", re.ASCII)


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gmmkit")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class ModelRecord:
    """A mixture and the record of its fit, as kept in a model file.

    The mappings are copied into plain JSON values: NumPy scalars become numbers, tuples and arrays become
    lists. Infinite numbers and NaN are kept.

    Attributes
    ----------
    mixture : Mixture
        Its parameters.
    feature_names : tuple of str, or None
        The names of the d columns, in order.
    estimator : str
        The class that made the mixture, such as ``"GaussianMixture"``.
    settings : dict
        That estimator's parameters.
    fit : dict
        How the fit went: converged, n_iter, lower_bound, lower_bounds, n_rows, total_weight,
        log_likelihood, reason, dtype, … whatever is known.
    table : list of dict, or None
        The rows of a search over models, for a report drawn from the file.
    provenance : dict of str to str
        Where it comes from: the source file's name, the command, …
    library_version : str
        The gmmkit that made the record; by default the installed one, or ``"unknown"``.

    Raises
    ------
    ParameterError
        A value is not what JSON can hold, or the feature names do not match the mixture's columns.

    Examples
    --------
    >>> from gmmkit.model.mixture import Mixture
    >>> mixture = Mixture.from_arrays([1.0], [[0.0, 2.0]], [1.0], covariance_type="spherical")
    >>> record = ModelRecord(mixture, feature_names=("x", "y"), fit={"converged": True})
    >>> record.feature_names, record.fit
    (('x', 'y'), {'converged': True})
    """

    mixture: Mixture
    _: KW_ONLY
    feature_names: Sequence[str] | None = None
    estimator: str = "GaussianMixture"
    settings: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    table: Sequence[Mapping[str, Any]] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    library_version: str = field(default_factory=_installed_version)

    def __post_init__(self) -> None:
        checked = {
            "feature_names": _names(self.feature_names, self.mixture.n_features),
            "estimator": _word(self.estimator, "estimator"),
            "settings": _mapping(self.settings, "settings"),
            "fit": _mapping(self.fit, "fit"),
            "table": _rows(self.table),
            "provenance": _provenance(self.provenance),
            "library_version": self.library_version,
        }
        if not isinstance(self.library_version, str) or not _VERSION.fullmatch(self.library_version):
            raise ParameterError(
                f"library_version is {shown(self.library_version)}: expected a version such as '0.1.0'"
            )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def structure(self) -> str:
        """The covariance structure by the name it was asked for by, scikit-learn's or mclust's."""
        from gmmkit.model.covariance.catalogue import NAMES, family

        own = self.mixture.covariance_type
        asked = self.settings.get("covariance_type")
        return asked if isinstance(asked, str) and asked in NAMES and family(asked).name == own else own


def _names(names: object, n_features: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    values = plain(names, "feature_names")
    if not isinstance(values, list):
        raise ParameterError(f"feature_names is {shown(names)}: expected a sequence of texts")
    if len(values) != n_features:
        raise ParameterError(
            f"there are {len(values)} feature names and {n_features} columns: give one for each column"
        )
    return tuple(_word(name, f"feature_names[{column}]") for column, name in enumerate(values))


def _word(value: object, where: str) -> str:
    text = plain(value, where)
    if not isinstance(text, str):
        raise ParameterError(f"{where} is {shown(value)}: expected a text")
    return text


def _mapping(value: object, where: str) -> dict[str, Json]:
    content = plain(value, where)
    if not isinstance(content, dict):
        raise ParameterError(f"{where} is {shown(value)}: expected a dict")
    return content


def _rows(table: object) -> list[dict[str, Json]] | None:
    if table is None:
        return None
    if not isinstance(table, (list, tuple)):
        raise ParameterError(f"table is {shown(table)}: expected a list of dicts")
    return [_mapping(row, f"table[{place}]") for place, row in enumerate(table)]


def _provenance(provenance: object) -> dict[str, str]:
    if not isinstance(provenance, Mapping):
        raise ParameterError(f"provenance is {shown(provenance)}: expected a dict")
    texts = {}
    for name, text in provenance.items():
        where = f"provenance[{shown(name)}]"
        if not isinstance(text, str):
            raise ParameterError(f"{where} is {shown(text)}: expected a text")
        # A file name that is not UTF-8 reaches Python with half pairs; it must not stop a model being saved.
        texts[_word(name, where)] = text.encode(errors="backslashreplace").decode()
    _mapping(texts, "provenance")
    return texts
