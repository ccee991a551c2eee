"""Signatures made outside Python, and the tools that made them."""
