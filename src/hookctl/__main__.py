"""Lets `python -m hookctl` do what the installed `hookctl` command does."""

from hookctl.cli.main import run

if __name__ == "__main__":
    run()
