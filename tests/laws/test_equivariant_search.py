"""Maps of the data that leave a structure unchanged change no label of a search: a few of the benchmark's cases."""

from __future__ import annotations

import pytest
from benchmarks.equivariance import KINDS, changed

from gmmkit.model.covariance import family
from gmmkit.model.covariance.catalogue import STRUCTURES

CASES = [(structure, kind) for structure in STRUCTURES for kind in KINDS[family(structure).equivariance]]


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_a_map_the_structure_is_closed_under_changes_no_label(structure, kind):
    assert changed(structure, kind, 6, seed=1) == []
