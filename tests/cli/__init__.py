"""Tests of the command line's contract, each command run as its users run it: a process of its own."""
