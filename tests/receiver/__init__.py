"""Tests of the receiving server, over real sockets on loopback."""
