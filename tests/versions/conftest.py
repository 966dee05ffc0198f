"""Tests of how ecosystems order versions."""
