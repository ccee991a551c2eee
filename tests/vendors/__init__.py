"""What a vendor's API is told, what it answers, and that a change for a while is undone."""
