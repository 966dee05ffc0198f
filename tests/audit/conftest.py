"""Tests of `bom audit`."""
