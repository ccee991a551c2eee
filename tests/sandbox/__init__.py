"""The stand-in of the business API."""
