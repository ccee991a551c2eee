"""Writers: what a flow yields becomes text for a person or JSON for a program.

Text that came from outside passes `safe_text`, and everything passes the run's redactor.
"""
