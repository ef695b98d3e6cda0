"""`python -m xlreach` is the command `xlreach`."""

from __future__ import annotations

from xlreach.cli import main

if __name__ == "__main__":
    main()
