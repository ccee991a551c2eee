"""Tests of the catalogue: fixtures become providers and events."""
