import sys
from pathlib import Path

# Tests share `oracle.py` (brute force) and `cases.py` (families, mixtures, rows), which importlib mode does not find.
sys.path.insert(0, str(Path(__file__).parent))
