"""The command line: one thin module per command, one place that catches errors."""
