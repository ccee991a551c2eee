"""A sample becomes bytes: ids made fresh, times moved to now, the user's edits applied.

`render()` renders a catalogue event; `given_body()` takes a whole body as it is.
"""

from hookctl.payload.edits import Edit, EditKind, parse_edit
from hookctl.payload.freshness import IdSource
from hookctl.payload.render import RenderOptions, given_body, render

__all__ = ["Edit", "EditKind", "IdSource", "RenderOptions", "given_body", "parse_edit", "render"]
