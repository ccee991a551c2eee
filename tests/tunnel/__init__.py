"""Tests of the tunnels themselves."""
