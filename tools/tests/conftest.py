"""Tools that share code import it from their own folder, as they do when a person runs them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
