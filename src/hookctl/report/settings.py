"""`hookctl config show`: the values in force and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.report.records import count_record
from hookctl.report.safe import safe_line
from hookctl.report.style import Style, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookctl.flows.settings import InForce
    from hookctl.report.machine import RecordWriter
    from hookctl.report.records import Clean, Record
    from hookctl.runtime import Runtime


def show_settings(settings: Sequence[InForce], runtime: Runtime) -> None:
    """Write a line for each, and below it what says so."""
    style = Style.of(runtime.out, runtime.env)
    width = max(len(setting.name) for setting in settings)
    for setting in settings:
        value = safe_line(runtime.redactor.clean(_in_words(setting)))
        if not setting.present:
            value = style.paint(value, Tone.QUIET)
        runtime.out.line(f"{safe_line(setting.name):<{width}}  {value}")
        if setting.where is not None:
            runtime.out.line(style.paint(f"    {_origin(setting)}", Tone.QUIET))


def write_settings(settings: Sequence[InForce], writer: RecordWriter, clean: Clean) -> None:
    """Write a record for each, and how many there are."""
    for setting in settings:
        writer.write(_record(setting, clean))
    writer.close(count_record(len(settings)))


def _record(setting: InForce, clean: Clean) -> Record:
    """Return `type:"setting"`: name, value, present, origin, where."""
    return {
        "type": "setting",
        "name": setting.name,
        "value": None if setting.value is None else clean(setting.value),
        "present": setting.present,
        "secret": setting.is_secret,
        "origin": None if setting.origin is None else setting.origin.name.lower(),
        "where": setting.where,
    }


def _in_words(setting: InForce) -> str:
    if setting.value is not None:
        return setting.value
    if setting.is_secret:
        return "present" if setting.present else "absent"
    return "not set"


def _origin(setting: InForce) -> str:
    return safe_line(f"{setting.origin}: {setting.where}")
