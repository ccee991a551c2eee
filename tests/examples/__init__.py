"""The example providers, judged by the vendors' own libraries."""
