"""Delivery over real sockets: what can go wrong on the way, and what goes over the wire."""
