import sys
from pathlib import Path

# Tests share `oracle.py` and `cases.py`, which importlib mode does not find by itself.
sys.path.insert(0, str(Path(__file__).parent))
