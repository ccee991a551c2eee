"""The documentation is true: its examples are run, what it shows is parsed, its links lead somewhere."""
