"""``python -m solvable``: the command line."""

import sys

from solvable.cli import main

sys.exit(main())
