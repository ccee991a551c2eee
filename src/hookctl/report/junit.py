"""`--report junit=FILE`: one test case per event, which every CI reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.report.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hookctl.model import Delivery

MAX_BODY = 2000
"""Characters of a response that go into a report."""

MAX_PROBLEMS = 5
"""Problems of one event that are told in full; the rest are counted."""

# what XML 1.0 cannot hold in any form: most controls, surrogates, U+FFFE and U+FFFF
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class _Case:
    provider: str
    event: str
    deliveries: int = 0
    unexpected: int = 0
    not_delivered: int = 0
    duration_s: float = 0.0
    problems: list[str] = field(default_factory=list)
    first: str = ""


class JUnitReport:
    """Collects deliveries and writes them as JUnit XML at the end. An event sent many times is one case.

    Args:
        path: the file to write.
        clean: masks secrets in what receivers answered.
    """

    def __init__(self, path: Path, clean: Callable[[str], str]) -> None:
        self._path = path
        self._clean = clean
        self._cases: dict[tuple[str, str], _Case] = {}

    def take(self, delivery: Delivery) -> None:
        """Take one delivery into account."""
        request, attempt = delivery.request, delivery.attempt
        event = request.event or "(unnamed)"
        case = self._cases.setdefault((request.provider, event), _Case(request.provider, event))
        case.deliveries += 1
        case.duration_s += attempt.duration_ms / 1000
        if attempt.failure is not None:
            case.not_delivered += 1
            message = f"{attempt.failure.kind}: {attempt.failure.message}"
        elif not delivery.ok and attempt.response is not None:
            case.unexpected += 1
            message = f"expected {delivery.expected}, answered {attempt.response.status}"
        else:
            return
        case.first = case.first or message
        if len(case.problems) < MAX_PROBLEMS:
            case.problems.append(self._problem(delivery, message))

    def write(self) -> None:
        """Write the file.

        Raises:
            InputError: it cannot be written.
        """
        # 15 ms to load, and only a report needs it
        from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

        suites = JUnitXml("hookctl send")
        for provider in dict.fromkeys(case.provider for case in self._cases.values()):
            suite = TestSuite(_xml(provider))
            for case in self._cases.values():
                if case.provider != provider:
                    continue
                element = TestCase(_xml(case.event), f"hookctl.send.{_xml(provider)}", round(case.duration_s, 3))
                kind = Error if case.not_delivered else Failure
                if case.problems:
                    result = kind(
                        _xml(self._clean(self._headline(case))), "not_delivered" if case.not_delivered else "unexpected"
                    )
                    result.text = _xml(self._clean("\n\n".join(case.problems)))
                    element.result = [result]
                suite.add_testcase(element)
            suites.add_testsuite(suite)
        data: bytes = suites.tostring()  # type: ignore[no-untyped-call]
        write_atomically(self._path, data)

    @staticmethod
    def _headline(case: _Case) -> str:
        bad = case.unexpected + case.not_delivered
        return case.first if case.deliveries == 1 else f"{bad} of {case.deliveries} deliveries: {case.first}"

    def _problem(self, delivery: Delivery, message: str) -> str:
        lines = [f"POST {delivery.request.url}", message]
        if delivery.request.event_id:
            lines.append(f"event id: {delivery.request.event_id}")
        if delivery.attempt.response is not None:
            # masked whole: of a secret that is cut the rest would stay
            body = self._clean(delivery.attempt.response.body.decode("utf-8", "backslashreplace"))
            lines.append(body if len(body) <= MAX_BODY else f"{body[:MAX_BODY]}...")
        return "\n".join(lines)


def _xml(text: str) -> str:
    """Return the text with what XML 1.0 forbids replaced; markup is escaped by the writer."""
    return _NOT_XML.sub("\ufffd", text)
