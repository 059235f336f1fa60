"""Makes the targets importable for the short runs of the test suite."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
