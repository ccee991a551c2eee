"""How long deliveries took, in constant memory whatever their number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_GROWTH = 1.02
"""Each bucket is 2 % wider than the one before: percentiles are right within 1 %."""

_SMALLEST_MS = 0.01


@dataclass(slots=True)
class Latencies:
    """A histogram of durations with logarithmic buckets."""

    count: int = 0
    max_ms: float = 0.0
    _buckets: dict[int, int] = field(default_factory=dict)

    def add(self, duration_ms: float) -> None:
        """Take one duration into account, milliseconds."""
        self.count += 1
        self.max_ms = max(self.max_ms, duration_ms)
        bucket = math.floor(math.log(max(duration_ms, _SMALLEST_MS) / _SMALLEST_MS, _GROWTH))
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def percentile_ms(self, percent: float) -> float:
        """Return the duration that so many percent of all did not exceed (nearest rank), 0 when there is none."""
        rank = math.ceil(self.count * percent / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                middle: float = _SMALLEST_MS * _GROWTH ** (bucket + 0.5)
                return min(middle, self.max_ms)
        return 0.0
