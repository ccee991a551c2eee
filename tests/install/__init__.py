"""What users install: the built distributions, and hookctl as they install it."""
