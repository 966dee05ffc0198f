"""`python -m bom` is `bom`."""

from bom.cli import main

main()
