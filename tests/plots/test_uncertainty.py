import numpy as np
import pytest

from gmmkit.errors import ParameterError
from gmmkit.model.mixture import Mixture
from gmmkit.plots import plot_uncertainty

TWO = Mixture.from_arrays([0.5, 0.5], [[0.0, 0.0], [3.0, 0.0]], [1.0, 1.0], covariance_type="spherical")


def rows_of(ax):
    return [line for line in ax.get_lines() if str(line.get_label()).startswith("_rows")]


def test_marks_grow_with_uncertainty():
    rows = np.array([[1.5, 0.0], [2.2, 0.0], [2.6, 0.0], [6.0, 0.0]])  # from undecided to certain
    ax = plot_uncertainty(TWO, rows)
    size = {tuple(point): line.get_markersize() for line in rows_of(ax) for point in line.get_xydata()}
    sizes = [size[tuple(row)] for row in rows]
    assert len(size) == 4
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[-1]


@pytest.mark.parametrize("apart", [3.0, 99.0])
def test_sure_rows_are_seen_however_many_are_unsure(apart):
    mixture = Mixture.from_arrays([0.5, 0.5], [[0.0, 0.0], [apart, 0.0]], [1.0, 1.0], covariance_type="spherical")
    drawn = rows_of(plot_uncertainty(mixture, mixture.sample(2000, seed=0)[0]))
    assert min(line.get_markersize() for line in drawn) >= 3.0
    assert min(line.get_alpha() for line in drawn) >= 0.5


def test_how_many_are_unsure_is_said_and_numbers_keep_their_signs():
    def remark(row):
        return plot_uncertainty(TWO, np.array([[-9.0, 0.0], row])).texts[-1].get_text()

    assert "uncertainty below 0.1 for all of them" in remark([9.0, 0.0]).replace("\n", " ")
    assert "for 1 of them (50 %)" in remark([1.5, 0.0]).replace("\n", " ")
    assert not any(line.startswith("%") for line in remark([1.5, 0.0]).splitlines())


def test_one_column_puts_uncertainty_on_the_height():
    mixture = Mixture.from_arrays([0.5, 0.5], [[0.0], [3.0]], [1.0, 1.0], covariance_type="spherical")
    rows = mixture.sample(40, seed=0)[0]
    ax = plot_uncertainty(mixture, rows)
    drawn = np.vstack([line.get_xydata() for line in rows_of(ax)])
    order = np.argsort(drawn[:, 0])
    expected = 1.0 - mixture.posterior(np.sort(rows, axis=0)).max(axis=1)
    assert drawn[order, 1] == pytest.approx(expected)
    assert ax.get_ylabel() == "uncertainty"


def test_one_component_is_never_unsure():
    mixture = TWO.take([0])
    ax = plot_uncertainty(mixture, mixture.sample(30, seed=0)[0])
    assert ax.get_legend() is None
    assert "none is unsure" in ax.texts[-1].get_text().replace("\n", " ")


def test_more_columns_show_two_and_use_all():
    mixture = Mixture.from_arrays([0.5, 0.5], [[0, 0, 0], [0, 5, 4]], [1.0, 1.0], covariance_type="spherical")
    rows = mixture.sample(30, seed=0)[0]
    ax = plot_uncertainty(mixture, rows, names=list("abc"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("b", "c")
    assert "uncertainty from all 3 columns" in ax.texts[-1].get_text().replace("\n", " ")
    with pytest.raises(ParameterError, match="columns must be one or two"):
        plot_uncertainty(mixture, rows, columns=[0, 1, 2])
