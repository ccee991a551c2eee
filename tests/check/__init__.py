"""Tests of the receiver checks."""
