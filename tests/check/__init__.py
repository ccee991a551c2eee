"""The parts of receiver checks, and receivers of every kind to check."""
