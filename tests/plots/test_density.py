import numpy as np
import pytest

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.plots import plot_density

ONE = Mixture([1.0], [[1.0, -1.0]], Full([[[2.0, 0.6], [0.6, 1.0]]]))


def regions(ax):
    return {patch.get_label(): patch for patch in ax.patches if str(patch.get_label()).startswith("_region")}


def test_regions_hold_their_share():
    ax = plot_density(ONE)
    found = regions(ax)
    assert list(found) == ["_region 0.95", "_region 0.8", "_region 0.5"]
    rows = ONE.sample(4000, seed=9)[0]
    for label, patch in found.items():
        share = patch.get_path().contains_points(rows).mean()
        assert share == pytest.approx(float(label.split()[1]), abs=0.03)


def test_levels_are_labelled():
    ax = plot_density(ONE, probabilities=[0.9, 0.5])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["50 %", "90 %"]


def test_a_component_narrower_than_the_grid_is_found():
    mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [50.0, 50.0]], Full([np.eye(2) * 100.0, np.eye(2) * 1e-4]))
    found = regions(plot_density(mixture))
    assert found["_region 0.5"].get_path().contains_point((50.0, 50.0))


def test_curve_is_the_density_and_the_histogram_compares_with_it():
    mixture = Mixture.from_arrays([0.3, 0.7], [[0.0], [5.0]], [1.0, 0.25], covariance_type="spherical")
    ax = plot_density(mixture, mixture.sample(3000, seed=0)[0], names=["speed"])
    (curve,) = (line for line in ax.get_lines() if line.get_label() == "_density")
    x, y = curve.get_data()
    assert y == pytest.approx(np.exp(mixture.log_density(x[:, None])))
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.005)
    (steps,) = (patch for patch in ax.patches if patch.get_label() == "_histogram")
    heights, edges, _ = steps.get_data()
    assert heights @ np.diff(edges) == pytest.approx(1.0, abs=0.01)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["0  (30 %)", "1  (70 %)", "mixture", "rows"]


def test_marginal_of_a_chosen_column():
    ax = plot_density(ONE, columns=["b"], names=["a", "b"])
    (curve,) = (line for line in ax.get_lines() if line.get_label() == "_density")
    assert curve.get_ydata().max() == pytest.approx(1.0 / np.sqrt(2.0 * np.pi), rel=1e-3)
    assert ax.get_xlabel() == "b"


@pytest.mark.parametrize("probabilities", [[], [0.0], [0.5, 1.0], [0.5, 0.5]])
def test_bad_probabilities_are_named(probabilities):
    with pytest.raises(ParameterError, match="probabilities must be between 0 and 1 and differ"):
        plot_density(ONE, probabilities=probabilities)


def test_three_columns_are_too_many():
    mixture = Mixture.from_arrays([1.0], [[0.0, 0.0, 0.0]], [1.0], covariance_type="spherical")
    with pytest.raises(ParameterError, match="columns must be one or two"):
        plot_density(mixture, columns=[0, 1, 2])
