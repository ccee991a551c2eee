"""Prints what Python writes again, a JSON line for each: `python3 make-python.py < originals.json > python.jsonl`."""

from __future__ import annotations

import json
import sys

STYLES: dict[str, dict[str, object]] = {
    "Python json.dumps": {},
    "Python json.dumps, ensure_ascii=False": {"ensure_ascii": False},
    "Python json.dumps, compact": {"separators": (",", ":")},
    "Python json.dumps, compact, ensure_ascii=False": {"separators": (",", ":"), "ensure_ascii": False},
    "Python json.dumps, indent=2": {"indent": 2},
    "Python json.dumps, indent=4": {"indent": 4},
    "Python json.dumps, indent=2, ensure_ascii=False": {"indent": 2, "ensure_ascii": False},
    "Python json.dumps, keys sorted": {"sort_keys": True},
    "Python json.dumps, compact, keys sorted": {"sort_keys": True, "separators": (",", ":")},
}

originals = json.load(sys.stdin)
for style, options in STYLES.items():
    for original in originals:
        text = json.dumps(json.loads(original["body"]), **options)  # type: ignore[arg-type]
        # a surrogate that stands alone cannot be sent
        sent = text if text.encode(errors="ignore").decode() == text else None
        sys.stdout.write(json.dumps({"style": style, "name": original["name"], "text": sent}) + "\n")
