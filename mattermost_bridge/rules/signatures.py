"""The signatures of buttons: how a context is written down to be signed, and which signatures count.

A click on a button reaches Durar without any proof of where it comes from; the context that was put behind the button
comes along. So each context carries `_token`, an HMAC-SHA256 of all its other fields, under a secret that is made
from the bot's token. Who signs has to write the context down exactly as who verifies. The original gateway does so in
JavaScript (keys in locale order, non-ASCII text raw), its documentation shows Python (keys by code point, non-ASCII
text escaped); both, and their mixtures, are accepted. Durar signs like JavaScript.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mattermost_bridge.rules.collation import locale_order

#: The key under which a bot's token becomes the secret of its buttons.
DERIVATION_KEY = b"Durar-mattermost-interactions"
#: The context's field with the signature of all others.
TOKEN = "_token"  # noqa: S105 - the name of a field
#: So many names of array entries JavaScript knows; keys that look like one come first in its objects, as numbers.
_ARRAY_NAMES = 2**32 - 1
#: The largest whole number up to which JavaScript's numbers have all of them.
_EXACT = 2**53


def button_secret(bot_token: str) -> str:
    """The secret that signs the buttons of the bot with this token: 64 hexadecimal digits."""
    return hmac.new(DERIVATION_KEY, bot_token.encode(), hashlib.sha256).hexdigest()


def sign(context: Mapping[str, Any], secret: str) -> str:
    """The signature of a context (its `_token`, if it has one, left out): 64 hexadecimal digits.

    Raises TypeError for a value that JSON has no form for, ValueError for a number that is not finite.
    """
    return _digest(_locale_form(_signed(context)), secret)


def is_signed(context: Mapping[str, Any], token: str, secret: str) -> bool:
    """Whether `token` signs the context: {code-point, locale} order of keys x {escaped, raw} text, in constant time.

    All four forms are always made and compared, so that the time says nothing about which of them came close.
    """
    given = token.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(_digest(form, secret).encode(), given) for form in _forms(_signed(context))]
    return any(matches)


def _signed(context: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in context.items() if key != TOKEN}


def _digest(text: str, secret: str) -> str:
    # A lone surrogate has no UTF-8; JSON.stringify writes it as an escape, and so does `_forms`.
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _forms(context: dict[str, Any]) -> Iterator[str]:
    """The four ways in which signers write a context down."""
    yield _locale_form(context)
    yield _escaped(_locale_form(context))
    python = json.dumps(_whole_numbers(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    yield _without_surrogates(python)
    yield _escaped(python)


def _locale_form(value: Any) -> str:
    """As JavaScript's JSON.stringify writes it after the keys of all objects were put in locale order."""
    if isinstance(value, dict):
        fields = (f"{_text(key)}:{_locale_form(value[key])}" for key in _javascript_order(value))
        return "{" + ",".join(fields) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_locale_form(one) for one in value) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"A button's context can hold what JSON can, and that is no {type(value).__name__}.")


def _javascript_order(keys: Mapping[str, Any]) -> list[str]:
    """The order in which a JavaScript object has these keys once they were put into it in locale order."""
    for key in keys:
        if not isinstance(key, str):
            raise TypeError(f"The keys of a button's context are texts; {key!r} is none.")
    numbers = sorted((key for key in keys if _is_array_name(key)), key=int)
    return [*numbers, *locale_order([key for key in keys if not _is_array_name(key)])]


def _is_array_name(key: str) -> bool:
    plain = key.isascii() and key.isdecimal() and (key == "0" or key[0] != "0")
    return plain and len(key) <= 10 and int(key) < _ARRAY_NAMES


def _text(text: str) -> str:
    return _without_surrogates(json.dumps(text, ensure_ascii=False))


def _without_surrogates(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" if "\ud800" <= one <= "\udfff" else one for one in text)


def _escaped(text: str) -> str:
    """The same JSON with everything but ASCII as escapes, as Python writes it unless told otherwise."""
    if text.isascii():
        return text.replace("\x7f", "\\u007f")
    return "".join(one if one.isascii() and one != "\x7f" else json.dumps(one)[1:-1] for one in text)


def _number(number: float) -> str:
    """A number as JavaScript prints it: 1.0 as 1, a large whole number with the digits that a double keeps of it."""
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError("A button's context holds a number that is not finite, for which JSON has no form.")
    if value == int(value) and abs(value) < _EXACT:
        return str(int(value))
    digits, _, exponent = repr(value).partition("e")
    whole, _, fraction = digits.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    # The value is 0.DIGITS x 10^point; that, and not Python's own limits, decides between the two ways of writing it.
    point = len(whole) + int(exponent or 0)
    figures = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(figures)
    figures = figures.rstrip("0")
    return ("-" if value < 0 else "") + _laid_out(figures, point)


def _laid_out(figures: str, point: int) -> str:
    """The digits of a number with its point, by the rules of JavaScript's Number.prototype.toString."""
    if len(figures) <= point <= 21:
        return figures + "0" * (point - len(figures))
    if 0 < point <= 21:
        return f"{figures[:point]}.{figures[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + figures
    exponent = point - 1
    mantissa = figures[0] + (f".{figures[1:]}" if len(figures) > 1 else "")
    return f"{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent)}"


def _whole_numbers(value: Any) -> Any:
    """The same value with 1.0 as 1: whoever signed the former, Mattermost hands the latter on."""
    if isinstance(value, dict):
        return {key: _whole_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_numbers(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
