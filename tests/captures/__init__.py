"""The readers of captures, fed with what real tools write."""
