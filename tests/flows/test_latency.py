"""Percentiles of durations are nearly exact, whatever their number."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.flows.latency import Latencies

DURATIONS = st.floats(0.01, 3_600_000, allow_nan=False)


def nearest_rank(values: list[float], percent: float) -> float:
    """Return the exact percentile."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def measured(values: list[float]) -> Latencies:
    """Return the histogram of some values."""
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


@given(values=st.lists(DURATIONS, min_size=1, max_size=200), percent=st.sampled_from([1, 25, 50, 75, 90, 95, 99, 100]))
def test_a_percentile_is_within_one_and_a_half_percent_of_the_nearest_rank(values: list[float], percent: int) -> None:
    assert measured(values).percentile_ms(percent) == pytest.approx(nearest_rank(values, percent), rel=0.015)


@given(values=st.lists(st.floats(0, 3_600_000, allow_nan=False), min_size=1))
def test_the_maximum_and_the_count_are_exact_and_no_percentile_is_above(values: list[float]) -> None:
    latencies = measured(values)
    assert latencies.max_ms == max(values)
    assert latencies.count == len(values)
    percentiles = [latencies.percentile_ms(percent) for percent in (1, 50, 95, 99, 100)]
    assert percentiles == sorted(percentiles)
    assert percentiles[-1] <= max(values)


def test_a_hundred_thousand_values_take_no_more_room_than_their_range() -> None:
    numbers = random.Random(4)  # noqa: S311 - not for secrets
    values = [numbers.lognormvariate(3, 2) for _ in range(100_000)]
    latencies = measured(values)
    # 2 % each from 0.01 ms to an hour
    assert len(latencies._buckets) <= math.log(3_600_000 / 0.01, 1.02) + 1
    for percent in (50, 95, 99):
        assert latencies.percentile_ms(percent) == pytest.approx(nearest_rank(values, percent), rel=0.015)


def test_nothing_measured_is_zero() -> None:
    assert Latencies().percentile_ms(99) == 0.0
    assert Latencies().max_ms == 0.0
