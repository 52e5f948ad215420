import sys
from pathlib import Path

# The tests of this folder share `report_cases.py` and `page_reader.py`, which importlib mode does not find by itself.
sys.path.insert(0, str(Path(__file__).parent))
