"""Tests of the pytest plugin: with real apps in process, and with runs of pytest of its own."""
