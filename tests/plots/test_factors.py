import numpy as np
import pytest

from gmmkit.errors import ParameterError
from gmmkit.model.covariance import Factor
from gmmkit.model.mixture import Mixture
from gmmkit.plots import plot_factors, to_svg
from model.test_factor import factor_mixture


def test_bars_are_shares_of_variance():
    mixture = factor_mixture("VVI", 2, 5, 2)
    ax = plot_factors(mixture, component=1, names=list("abcde"))
    covariance = mixture.covariance.canonical()
    shares = covariance.loadings[1] ** 2 / covariance.variances()[1][:, None]
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(2, 5)
    np.testing.assert_allclose(widths, shares.T)
    np.testing.assert_allclose(widths.sum(axis=0), covariance.communalities()[1])
    assert [label.get_text() for label in ax.get_yticklabels()] == list("abcde")
    assert f"{covariance.communalities()[1].mean():.0%}" in ax.texts[-1].get_text()


def test_signs_are_those_of_loadings():
    mixture = Mixture([1.0], [[0.0, 0.0, 0.0]], Factor.of([[[3.0], [-2.0], [0.0]]], [[1.0, 1.0, 1.0]]))
    signs = {text.get_position()[1]: text.get_text() for text in plot_factors(mixture).texts[:-1]}
    assert signs == {0: "+", 1: "\N{MINUS SIGN}"}


def test_of_many_columns_the_most_explained_are_shown():
    ax = plot_factors(factor_mixture("VVI", 1, 90, 3), theme="dark")
    assert len(ax.get_yticklabels()) == 40
    assert "40 of 90 columns" in ax.texts[-1].get_text().replace("\n", " ")
    assert to_svg(ax.figure).lstrip().startswith("<svg")


def test_what_has_no_factors_is_refused():
    mixture = Mixture.from_arrays([1.0], [[0.0]], [1.0], covariance_type="spherical")
    with pytest.raises(ParameterError, match="fit a MixtureOfFactorAnalyzers"):
        plot_factors(mixture)
    with pytest.raises(ParameterError, match="component"):
        plot_factors(factor_mixture(), component=3)
