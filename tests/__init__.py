"""The tests, laid out as `src/hookctl` is."""
