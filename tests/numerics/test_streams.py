import itertools

import numpy as np
import pytest

from gmmkit.errors import ParameterError
from gmmkit.numerics.streams import generator, stream_of, streams


def draws(seed, count):
    return [random.random() for random in itertools.islice(streams(seed), count)]


def test_the_same_seed_gives_the_same_streams_however_many():
    assert draws(7, 5)[:2] == draws(7, 2)
    assert len(set(draws(7, 5))) == 5
    assert draws(7, 1) != draws(8, 1)


def test_seeds_of_every_kind():
    assert draws(np.random.default_rng(3), 2) == draws(np.random.default_rng(3), 2)
    assert draws(np.random.SeedSequence(3), 2) == draws(3, 2)
    assert draws(None, 1) != draws(None, 1)


def test_a_generator_moves_on():
    random = np.random.default_rng(0)
    assert draws(random, 1) != draws(random, 1)


def test_generator_is_passed_through():
    random = np.random.default_rng(0)
    assert generator(random) is random
    assert generator(5).random() == np.random.default_rng(5).random()


@pytest.mark.parametrize("seed", [np.random.SeedSequence(11)])
def test_a_seed_sequence_says_the_same_twice(seed):
    assert draws(seed, 2) == draws(seed, 2)


def test_purposes_have_streams_of_their_own():
    first = {purpose: stream_of(7, purpose).random() for purpose in ("fits", "draws", "places")}
    assert len({*first.values(), *draws(7, 3), generator(7).random()}) == 7
    assert stream_of(7, "draws").random() == first["draws"] == stream_of(np.random.SeedSequence(7), "draws").random()
    random = np.random.default_rng(0)
    assert stream_of(random, "draws").random() != stream_of(random, "draws").random()
    with pytest.raises(ParameterError, match="seed must be"):
        stream_of("x", "draws")
