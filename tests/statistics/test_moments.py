"""What the laws of tests/laws/test_statistics.py do not say: shapes, and that statistics are values."""

import dataclasses

import numpy as np
import pytest

from gmmkit.statistics import Contraction, Statistics


@pytest.mark.parametrize("contraction", Contraction)
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 3)])
def test_shapes_are_those_of_the_contraction(contraction, k, d):
    a, b = np.random.default_rng(0).standard_normal((2, k, d))
    assert contraction(a, b).shape == contraction.shape(k, d)
    empty = Statistics.empty(contraction, np.zeros((k, d)))
    assert empty.second.shape == contraction.shape(k, d)
    assert (
        contraction.scatter_shape(d)
        == {
            Contraction.FULL: (d, d),
            Contraction.TIED: (d, d),
            Contraction.DIAGONAL: (d,),
            Contraction.SHARED_DIAGONAL: (d,),
            Contraction.SPHERICAL: (),
            Contraction.SHARED: (),
        }[contraction]
    )


def test_contractions_are_parts_of_the_outer_product():
    a, b = np.random.default_rng(0).standard_normal((2, 4, 3))
    full = Contraction.FULL(a, b)
    np.testing.assert_allclose(Contraction.TIED(a, b), full.sum(axis=0))
    np.testing.assert_allclose(Contraction.DIAGONAL(a, b), np.diagonal(full, axis1=1, axis2=2))
    np.testing.assert_allclose(Contraction.SHARED_DIAGONAL(a, b), np.diagonal(full.sum(axis=0)))
    np.testing.assert_allclose(Contraction.SPHERICAL(a, b), np.trace(full, axis1=1, axis2=2))
    np.testing.assert_allclose(Contraction.SHARED(a, b), np.trace(full, axis1=1, axis2=2).sum())


def test_operations_leave_their_operands_alone():
    random = np.random.default_rng(1)
    one = Statistics(
        Contraction.FULL, random.random(2), random.random((2, 3)), random.random((2, 3, 3)), np.zeros((2, 3))
    )
    before = [np.array(getattr(one, f.name)) for f in dataclasses.fields(one)[1:]]
    _ = one + one, one.about(np.ones((2, 3))), one.means(), one.scatter()
    for field, value in zip(dataclasses.fields(one)[1:], before, strict=True):
        np.testing.assert_array_equal(getattr(one, field.name), value)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.counts = np.ones(2)
