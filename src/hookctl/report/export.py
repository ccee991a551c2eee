"""`hookctl deliveries export`: deliveries go to a file or a stream one at a time, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.report.delivery_forms import exported
from hookctl.report.destination import written
from hookctl.report.safe import safe_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hookctl.report.delivery_forms import ExportForm
    from hookctl.runtime import Output
    from hookctl.store import StoredDelivery


def export_to_output(deliveries: Iterable[StoredDelivery], form: ExportForm, out: Output) -> int:
    """Write deliveries to a stream: exact bytes, but safe text to a terminal. It ends when the reader has gone.

    Returns:
        How many were written.

    Raises:
        OutputError: the stream does not take it.
    """
    count = 0
    for delivery in deliveries:
        data = exported(delivery, form)
        if out.is_terminal:
            out.write(f"{safe_bytes(data).rstrip()}\n\n" if form == "http" else safe_bytes(data))
        else:
            out.write_bytes(data)
        if out.reader_gone:
            break
        count += 1
    return count


def export_to_file(deliveries: Iterable[StoredDelivery], form: ExportForm, path: Path) -> int:
    """Write deliveries to a file, whole or not at all.

    Returns:
        How many were written.

    Raises:
        InputError: the file cannot be written.
    """
    count = 0
    with written(path) as stream:
        for delivery in deliveries:
            stream.write(exported(delivery, form))
            count += 1
    return count
