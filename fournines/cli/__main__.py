"""`python -m fournines.cli` is the command `fournines`."""

from __future__ import annotations

from fournines.cli.main import main

main()
