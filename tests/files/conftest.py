import sys
from pathlib import Path

import pytest

# The tests of this folder share `model_records.py`, which importlib mode does not find by itself.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.gmm"


@pytest.fixture
def good(path):
    from model_records import record

    from gmmkit.files import write_model

    write_model(record(fit={"lower_bounds": [-3.0 - 1 / (i + 3) for i in range(45)]}), path)
    return path.read_bytes()
