import signal
import sys
from pathlib import Path

# Tests share `oracle.py` and `cases.py`, which importlib mode does not find by itself.
sys.path.insert(0, str(Path(__file__).parent))

# Shells start background jobs deaf to Ctrl-C, and so are the commands that tests start: those that wait for it to be
# heard would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
