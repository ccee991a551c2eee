"""Tests of signing, verifying and tampering."""
