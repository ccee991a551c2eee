"""A local stand-in of a vendor's business API, made of the description of that API alone."""
