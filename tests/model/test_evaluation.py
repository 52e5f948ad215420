import numpy as np
import pytest

import oracle
from cases import FAMILY_NAMES, random_mixture
from gmmkit.data import as_table
from gmmkit.errors import DataError
from gmmkit.execution.plan import Plan
from gmmkit.model import scorer
from gmmkit.model.evaluation import Likelihood, evaluate, likelihood


@pytest.fixture(params=[3, 10**6], ids=["many blocks", "one block"])
def blocks(request, monkeypatch):
    monkeypatch.setattr(scorer, "plan_pass", lambda n, *_: Plan(n, request.param))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_likelihood_is_the_oracles(name, blocks):
    mixture = random_mixture(name, 3, 2)
    rows = mixture.sample(40, seed=1)[0]
    weights = np.random.default_rng(2).integers(0, 3, 40).astype(float)
    given = rows, mixture.weights, mixture.means, mixture.covariance.dense()
    densities, shares = oracle.log_density(*given), oracle.responsibilities(*given)
    found = likelihood(mixture, as_table(rows, weights=weights))
    assert found.log_likelihood == pytest.approx(weights @ densities, rel=1e-11)
    assert found.log_certainty == pytest.approx(weights @ np.log(shares.max(axis=1)), rel=1e-8)
    assert found.total_weight == weights.sum()
    plain = likelihood(mixture, rows)
    assert plain.log_likelihood == pytest.approx(densities.sum(), rel=1e-11)
    assert plain.total_weight == 40


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_every_row_is_answered_in_its_place(name, blocks):
    mixture = random_mixture(name, 3, 2)
    rows = mixture.sample(40, seed=1)[0]
    for quantity in ("log_density", "posterior", "component_log_density"):
        whole = evaluate(mixture, rows, quantity)
        for i in (0, 7, 39):
            np.testing.assert_allclose(
                whole[i], evaluate(mixture, rows[i : i + 1], quantity)[0], rtol=1e-11, atol=1e-12
            )
    np.testing.assert_array_equal(mixture.classify(rows), mixture.posterior(rows).argmax(axis=1))


def test_rows_of_weight_zero_may_be_anywhere():
    mixture = random_mixture("full", 2, 2)
    rows = mixture.sample(20, seed=1)[0]
    far = as_table(np.vstack([rows, [[1e300, 1e300]]]), weights=[1.0] * 20 + [0.0])
    found, expected = likelihood(mixture, far), likelihood(mixture, rows)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    assert np.isfinite(found.log_certainty)
    assert found.total_weight == 20


def test_a_row_beyond_float64_has_no_likelihood():
    mixture = random_mixture("full", 2, 2)
    found = likelihood(mixture, [[1e300, 0.0], [0.0, 0.0]])
    assert found.log_likelihood == -np.inf
    assert isinstance(found, Likelihood)


def test_tables_and_arrays_say_the_same():
    mixture = random_mixture("tied", 2, 2)
    rows = mixture.sample(20, seed=1)[0]
    np.testing.assert_array_equal(mixture.log_density(as_table(rows)), mixture.log_density(rows))


@pytest.mark.parametrize("quantity", ["log_density", "posterior"])
def test_the_number_of_columns_is_checked(quantity):
    with pytest.raises(DataError, match="X has 1 columns, but the mixture is of 2"):
        evaluate(random_mixture("full", 2, 2), [[1.0]], quantity)


def test_sums_do_not_lose_rows(monkeypatch):
    # Compensated over blocks: a million equal terms add to a million times the term.
    monkeypatch.setattr(scorer, "plan_pass", lambda n, *_: Plan(n, 64))
    mixture = random_mixture("EII", 1, 1)
    rows = np.full((200_000, 1), 0.3)
    (one,) = mixture.log_density(rows[:1])
    assert likelihood(mixture, rows).log_likelihood == pytest.approx(200_000 * one, rel=4e-16 * 8)
