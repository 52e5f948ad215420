"""What estimators are given to choose from: a name by itself and in a list get the same answer."""

from __future__ import annotations

import re

import pytest

from cases import two_clusters
from gmmkit import GaussianMixtureClassifier, GaussianMixtureDensity, GaussianMixtureSearch, MixtureClusterer
from gmmkit.errors import ParameterError
from gmmkit.estimators.choices import structures_of

X, LABELS = two_clusters(n=60)


@pytest.mark.parametrize(
    "kind", [GaussianMixtureSearch, MixtureClusterer, GaussianMixtureClassifier, GaussianMixtureDensity]
)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("factor", "covariance_type 'factor' needs a number of factors, which only GaussianMixture(covariance_type="),
        ("factor-EII", "covariance_type 'factor-EII' needs a number of factors"),
        ("fulll", "some of full, tied, diag, spherical, EII, EEI, VEI, EVI, VEE, EVE, VVE, EEV, VEV, EVV, VII, VVI"),
        ("E", "covariance_type 'E' is for one column, but there are 2: give "),
        ("", "V, but got ''"),
    ],
)
def test_a_structure_that_is_none_to_choose(kind, name, said):
    for given in (name, [name], ["diag", name]):
        with pytest.raises(ParameterError, match=re.escape(said)) as caught:
            kind(covariance_type=given).fit(X, LABELS)
        assert "\n" not in str(caught.value)


def test_all_structures_only_where_they_may_be():
    assert structures_of("diag", 2, every=False) == ["diag"]
    with pytest.raises(ParameterError, match=r"^covariance_type must be some of full, .*, but got 'all'$"):
        GaussianMixtureDensity(covariance_type="all").fit(X)
    with pytest.raises(ParameterError, match=r"^covariance_type must be 'all' or some of full, .*, but got 'all'$"):
        GaussianMixtureSearch(covariance_type=["all"]).fit(X)
    with pytest.raises(ParameterError, match=r"^covariance_type is empty: give some of full"):
        GaussianMixtureDensity(covariance_type=[]).fit(X)
    with pytest.raises(ValueError, match="must be an instance of 'str'"):
        GaussianMixtureSearch(covariance_type=3).fit(X)
