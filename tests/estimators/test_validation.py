import numpy as np
import pytest

from gmmkit.estimators.validation import seed_of


@pytest.mark.parametrize("seed", [0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1, np.int64(7)])
def test_a_number_and_its_generator_give_the_same_seed(seed):
    # That which scikit-learn's own estimators draw first.
    assert seed_of(seed) == seed_of(np.random.RandomState(seed)) == np.random.RandomState(seed).randint(2**31 - 1)


def test_a_generator_goes_on():
    random = np.random.RandomState(0)
    assert len({seed_of(random) for _ in range(3)}) == 3
