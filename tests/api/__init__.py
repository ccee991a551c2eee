"""Tests of the library: what `import hookctl` offers."""
