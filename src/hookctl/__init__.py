"""hookctl: test, deliver and debug webhooks from the command line."""

__version__ = "0.1.0"
