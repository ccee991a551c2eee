"""Fixtures become `Provider` and `Event`: what the vendors document, as data.

`load_catalogue()` reads every built-in provider; `load_provider(folder)` reads one from anywhere;
`administration.load_administration(provider)` reads how its webhooks are configured, for the few that want to know.
"""

from hookctl.catalogue.catalogue import Catalogue, is_built_in, is_folder, load_catalogue
from hookctl.catalogue.content import read_sample, read_schema
from hookctl.catalogue.description import load_provider

__all__ = ["Catalogue", "is_built_in", "is_folder", "load_catalogue", "load_provider", "read_sample", "read_schema"]
