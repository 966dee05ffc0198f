"""Tests of `bom checksums`."""
