"""Restarts that are to end below the best: stopped, counted, and no loss."""

import numpy as np
import pytest

from cases import blobs, fitted, iris
from gmmkit.inference.acceleration import Squarem
from gmmkit.inference.result import FitResult


def restarts(rows, **settings):
    return fitted(rows, start="random_from_data", k=5, n_init=12, tol=1e-7, max_iter=400, **settings)


@pytest.mark.parametrize("acceleration", [None, Squarem()])
@pytest.mark.parametrize("data", [blobs, iris], ids=["blobs", "iris"])
def test_stopping_them_saves_passes_and_finds_the_same_fit(data, acceleration):
    rows, passes = data(), {False: 0, True: 0}

    def counted(stop):
        def after_pass(progress):
            passes[stop] += 1

        return restarts(rows, stop_dominated=stop, callback=after_pass, acceleration=acceleration)

    full, early = counted(False), counted(True)
    assert early.starts_tried == full.starts_tried == 12
    assert 0 < early.starts_stopped < 12
    assert full.starts_stopped == 0
    assert passes[True] < passes[False]
    assert early.objectives == full.objectives
    assert early.mixture == full.mixture


def test_one_start_is_never_stopped():
    assert fitted(blobs(), k=3, stop_dominated=True).starts_stopped == 0


def test_the_record_keeps_how_many():
    result = restarts(blobs(), stop_dominated=True)
    assert FitResult.from_record(result.mixture, result.as_record()).starts_stopped == result.starts_stopped > 0
    assert "starts_stopped" not in restarts(blobs()).as_record()


@pytest.mark.parametrize("seed", range(3))
def test_a_best_that_is_not_sound_stops_nobody_who_is(seed):
    # A component on repeated rows has any likelihood; starts that are sound must be run past it.
    rows = np.concatenate([blobs(150, 2, 2), np.tile([[9.0, 9.0]], (4, 1))])
    full, early = (restarts(rows, stop_dominated=stop, seed=seed, admissible_eigenvalue=1e-4) for stop in (False, True))
    assert early.objective == pytest.approx(full.objective, abs=1e-6)
