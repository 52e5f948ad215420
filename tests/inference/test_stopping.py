import math

import pytest

from gmmkit.inference.stopping import AitkenGain, Dominated, SmallChange

NONE = -math.inf


def test_small_change_is_a_change_of_either_sign_below_tol():
    rule = SmallChange(1e-3)
    assert rule.reached([-2.0, -1.9995], NONE)
    assert rule.reached([-2.0, -2.0005], NONE)
    assert not rule.reached([-2.0, -1.998], NONE)
    assert not rule.reached([-2.0, -1.9995, -1.9], NONE)


def test_small_change_of_the_first_pass_is_from_what_was_known_before():
    rule = SmallChange(1e-3)
    assert not rule.reached([-2.0], NONE)
    assert rule.reached([-2.0], -2.0001)
    assert not rule.reached([-2.0], -2.1)


def test_no_tolerance_is_never_reached():
    assert not SmallChange(0.0).reached([-1.0, -1.0], NONE)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.99])
def test_aitken_knows_what_is_still_to_come_of_a_geometric_climb(rate):
    climb = [-(rate**i) for i in range(2000)]
    tol = 1e-4
    stop = next(i for i in range(1, 2000) if AitkenGain(tol).reached(climb[:i], NONE))
    # What remained at that pass was below tol, and a pass before it was not.
    assert -climb[stop - 1] < tol
    assert -climb[stop - 2] >= tol or stop == 3


def test_aitken_goes_on_where_a_small_change_would_stop():
    slow = [-(0.9999**i) for i in range(100)]
    assert SmallChange(1e-3).reached(slow, NONE)
    assert not AitkenGain(1e-3).reached(slow, NONE)


def test_aitken_waits_for_three_passes_and_stops_on_a_plateau():
    rule = AitkenGain(1e-3)
    assert not rule.reached([-1.0], NONE)
    assert not rule.reached([-1.0, -1.0], NONE)
    assert rule.reached([-1.0, -1.0, -1.0], NONE)
    assert not rule.reached([-1.0, -0.9, -0.7], NONE), "gains that grow are no convergence"


def test_a_run_is_dominated_where_fifty_times_what_is_to_come_leads_not_to_the_best():
    climb = [-1.0 - 0.5**i for i in range(30)]
    assert Dominated(-0.5).surpasses(climb)
    assert not Dominated(-0.5).surpasses(climb[:10])
    assert not Dominated(-1.0).surpasses(climb), "it is as good"
    assert not Dominated(-2.0).surpasses(climb)


def test_a_run_whose_gains_grow_is_not_dominated():
    plateau = [-5.0 + 1e-6 * 1.5**i for i in range(30)]
    assert not Dominated(0.0).surpasses(plateau)


def test_a_slow_run_that_will_arrive_is_not_dominated():
    slow = [-(0.999**i) for i in range(300)]
    assert not any(Dominated(-0.1).surpasses(slow[:i]) for i in range(1, 300))
