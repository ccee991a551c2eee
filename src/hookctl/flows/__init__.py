"""One module per command that does something: it composes the stages and emits events.

A flow takes plain values, first plans (so that every mistake is found before anything is sent), then runs,
yielding what happens as it happens. Writers in `hookctl.report` turn that into text or JSON.
"""
