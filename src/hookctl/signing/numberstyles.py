"""How programs write the numbers of JSON text that they have read."""

from __future__ import annotations

import re
from dataclasses import dataclass

_INTEGER = re.compile(r"-?[0-9]+")
_LONGEST_INTEGER = 20
"""Characters of the longest integer that 64 bits can hold."""


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How one program writes numbers. The digits of a double are always the fewest that give it back."""

    integers: range | None
    """Integers that keep their digits, None for all; what is written as an integer beyond it becomes a double."""
    plain: range
    """Decimal exponents of the first digit for which a double is written without an exponent."""
    whole: str = ""
    """What follows a double that is an integer: "" or ".0"."""
    mantissa: str = ""
    """What follows a single digit before an exponent: "" or ".0"."""
    mark: str = "e"
    plus: str = "+"
    """What stands before a positive exponent."""
    width: int = 1
    """The fewest digits of an exponent."""
    keeps_minus_zero: bool = True
    infinity: str | None = None
    """What becomes of numbers beyond a double; None when nothing is written at all."""

    def write(self, text: str) -> str | None:
        """Return a number's text as this program writes it, or None when it does not.

        Args:
            text: a JSON number.
        """
        if _INTEGER.fullmatch(text) and self._keeps(text):
            return "0" if text == "-0" else text
        value = float(text)
        if value in (float("inf"), float("-inf")):
            return self.infinity
        sign = "-" if text.startswith("-") and (value or self.keeps_minus_zero) else ""
        return sign + self._double(abs(value))

    def _keeps(self, text: str) -> bool:
        if self.integers is None:
            return True
        return len(text) <= _LONGEST_INTEGER and int(text) in self.integers

    def _double(self, value: float) -> str:
        digits, power = _shortest(value)
        if power not in self.plain:
            rest = f".{digits[1:]}" if digits[1:] else self.mantissa
            sign = "-" if power < 0 else self.plus
            return f"{digits[0]}{rest}{self.mark}{sign}{abs(power):0{self.width}d}"
        if power < 0:
            return f"0.{'0' * (-power - 1)}{digits}"
        if len(digits) <= power + 1:
            return digits.ljust(power + 1, "0") + self.whole
        return f"{digits[: power + 1]}.{digits[power + 1 :]}"


def _shortest(value: float) -> tuple[str, int]:
    """Return the fewest digits that give a double back, without zeros at either end, and the first one's exponent."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0", 0
    power = int(exponent or "0") + len(whole) - 1 - (len(whole + fraction) - len(digits))
    return digits.rstrip("0"), power


_NONE = range(0)

JAVASCRIPT = NumberStyle(_NONE, range(-6, 21), keeps_minus_zero=False, infinity="null")
"""Number.prototype.toString; JSON.stringify writes null for infinity."""
GO = NumberStyle(_NONE, range(-6, 21))
"""encoding/json with float64, which `any` holds."""
PYTHON = NumberStyle(None, range(-4, 16), whole=".0", width=2)
"""float.__repr__; json.dumps writes Infinity, which is not JSON."""
PHP = NumberStyle(range(-(2**63), 2**63), range(-4, 17), mantissa=".0")
"""serialize_precision -1, the default since PHP 7.1."""
RUBY = NumberStyle(None, range(-4, 15), whole=".0", mantissa=".0", width=2)
"""Float#to_s."""
JAVA = NumberStyle(None, range(-3, 7), whole=".0", mantissa=".0", mark="E", plus="")
"""Double.toString, with BigInteger for what is written as an integer."""
RUST = NumberStyle(range(-(2**63), 2**64), range(-5, 16), whole=".0", plus="")
"""serde_json with i64, u64 and f64."""
