"""What is held of rows at once: some megabytes, however many components there are and wherever a row lies."""

import tracemalloc

import numpy as np
import pytest

from gmmkit import GaussianMixture
from gmmkit.model.evaluation import evaluate, evaluate_blocks, likelihood
from gmmkit.model.mixture import Mixture

MEGABYTE = 1 << 20
N, D, K = 50_000, 2, 1_000


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(N, D))


@pytest.fixture(scope="module")
def mixture():
    means = np.random.default_rng(1).normal(size=(K, D))
    return Mixture.from_arrays(np.full(K, 1 / K), means, np.ones((K, D)), covariance_type="diag")


@pytest.fixture(params=[0.0, 1e9], ids=["near", "one far"])
def told(request, rows):
    rows = rows.copy()
    rows[777] += request.param
    return rows


def peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


def test_blocks_are_few_megabytes(mixture, told):
    seen = []

    def work():
        for block, answer in evaluate_blocks(mixture, told):
            assert len(answer.labels) == len(answer.log_density) == len(block.rows)
            assert answer.posterior.sum(axis=1) == pytest.approx(np.ones(len(block.rows)))
            seen.append((block.index, len(block.rows)))

    assert peak(work) < 32
    assert np.cumsum([0, *(length for _, length in seen)]).tolist() == [*(first for first, _ in seen), N]


def test_blocks_say_what_the_whole_says(mixture, told):
    found = [
        (a.labels.copy(), a.posterior.copy(), a.log_density.copy()) for _, a in evaluate_blocks(mixture, told[:900])
    ]
    labels, posterior, log_density = (np.concatenate(parts) for parts in zip(*found, strict=True))
    whole = evaluate(mixture, told[:900], "posterior")
    assert posterior == pytest.approx(whole, abs=1e-12)
    assert whole[np.arange(900), labels] == pytest.approx(whole.max(axis=1), abs=1e-12)
    assert log_density == pytest.approx(evaluate(mixture, told[:900], "log_density"), rel=1e-12)


def test_answers_take_little_more_than_themselves(mixture, told):
    assert peak(lambda: evaluate(mixture, told, "log_density", n_jobs=1)) < 32
    assert peak(lambda: likelihood(mixture, told, n_jobs=1)) < 32
    answer = 4 * N * K / MEGABYTE
    assert peak(lambda: evaluate(mixture, told, "posterior", n_jobs=1, dtype=np.float32)) < answer + 32


@pytest.mark.filterwarnings("ignore::gmmkit.errors.SingularComponentWarning")
@pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")
def test_a_pass_takes_few_megabytes(mixture, told):
    model = GaussianMixture(K, covariance_type="diag", max_iter=1, n_jobs=1)
    assert peak(lambda: model.fit(told, start=mixture)) < 32
