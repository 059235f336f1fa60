"""`python -m gateway` and the `sluice` command."""

import sys

from gateway.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
