"""Numbers and lists as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["capital", "count", "decimals_for", "fixed", "listed", "nats", "number", "percent", "plural", "short"]

_MOST_DECIMALS = 6
_LONGEST = 28
_NO_BREAK = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits.

    Examples
    --------
    >>> number(1234.5678), number(0.0123456), number(-2.5e-9), number(float("nan"))
    ('1,235', '0.01235', '−2.5e−09', '—')
    """
    if math.isnan(value):
        return "—"
    if value == 0 or math.isinf(value):
        return "0" if value == 0 else ("∞" if value > 0 else f"{_MINUS}∞")
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 9:
        return _signed(f"{value:.{digits}g}")
    return fixed(value, max(0, digits - 1 - size))


def nats(value: float) -> str:
    """Return a log-likelihood, a criterion or a difference of them: what is smaller than a tenth is no difference.

    Examples
    --------
    >>> nats(1126.3156), nats(5.842), nats(0.0123)
    ('1,126.3', '5.8', '0.012')
    """
    return number(value, 2) if 0 < abs(value) < 0.1 else fixed(value, 1)


def decimals_for(spread: float, digits: int = 3) -> int | None:
    """Return the decimals that show a spread with so many digits, and values beside it; None: too many."""
    if not spread > 0 or math.isinf(spread):
        return 3
    decimals = digits - 1 - math.floor(math.log10(spread))
    return None if decimals > _MOST_DECIMALS or decimals < -_MOST_DECIMALS else max(0, decimals)


def fixed(value: float, decimals: int | None) -> str:
    """Return a number with so many decimals, or four digits where no number of decimals is right.

    Examples
    --------
    >>> fixed(1234.5, 2), fixed(-0.001, 2), fixed(1e-9, None)
    ('1,234.50', '0.00', '1e−09')
    """
    if decimals is None or not abs(value) < 1e12:
        return _signed(f"{value:.4g}")
    text = f"{value:,.{decimals}f}"
    return _signed(text.lstrip("-") if not text.strip("-0.,") else text)


def percent(share: float) -> str:
    r"""Return a share of one as per cent.

    Examples
    --------
    >>> percent(0.4812), percent(0.0271), percent(0.00001), percent(0.0)
    ('48\xa0%', '2.7\xa0%', 'under 0.1\xa0%', '0\xa0%')
    """
    if 0 < share < 0.001:
        return f"under 0.1{_NO_BREAK}%"
    shown = f"{100 * share:.1f}" if share < 0.0995 and share > 0 else f"{100 * share:.0f}"
    return f"{shown}{_NO_BREAK}%"


def count(value: float) -> str:
    """Return how many: whole numbers without decimals."""
    return f"{value:,.0f}" if float(value).is_integer() or value >= 999.95 else fixed(value, 1)


def plural(n: int, one: str, many: str | None = None) -> str:
    """Return ``"1 row"``, ``"2 rows"``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Return ``"a, b and c"``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def capital(text: str) -> str:
    """Return a text that begins with a capital."""
    return text[:1].upper() + text[1:]


def short(name: str, longest: int = _LONGEST) -> str:
    """Return a name on one line, without its middle where it is long.

    Examples
    --------
    >>> short("temperature of the water at the inlet", 20)
    'temperatur… the inlet'
    """
    name = " ".join(name.split()) or "(unnamed)"
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half].rstrip()}…{name[-half:]}"


def recorded(value: float) -> str:
    """Return a value of the data as it was recorded, up to six digits.

    Examples
    --------
    >>> recorded(-2.065), recorded(1234567.0)
    ('−2.065', '1.23457e+06')
    """
    return _signed(f"{value:.6g}")


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)
