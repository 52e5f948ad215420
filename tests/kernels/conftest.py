"""Tests of the kernels share `dense_cases.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
