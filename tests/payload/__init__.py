"""Tests of rendering: a sample becomes bytes."""
