"""`python -m app`: hands the command line to `app.cli`."""

from __future__ import annotations

from app.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
