"""Reads deliveries from files: one reader for each form a capture comes in, and the one writer of hookctl's own.

Bodies stay bytes. A reader yields a `Capture` for each request and an `Unreadable` for each that is broken, and
raises `NotThisForm` when the file is of another kind altogether.
"""
