"""Identifiers as Mattermost makes them: 26 characters of `[a-z0-9]`."""

import hashlib
import re
import secrets

_ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
_VALID = re.compile(r"[a-z0-9]{26}")


def _encode(sixteen_bytes: bytes) -> str:
    """Write 128 bits as 26 characters, five bits each."""
    number = int.from_bytes(sixteen_bytes, "big") << 2
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(25, -1, -1))


def new_id() -> str:
    """Return a random id; also good as a token, since it comes from the system's secure source."""
    return _encode(secrets.token_bytes(16))


def fixed_id(name: str) -> str:
    """Return the id that `name` always has in a sandbox, so that ids survive restarts and resets."""
    return _encode(hashlib.sha256(f"durar-sandbox:{name}".encode()).digest()[:16])


def is_valid_id(value: object) -> bool:
    """Tell whether `value` has the form of a Mattermost id."""
    return isinstance(value, str) and _VALID.fullmatch(value) is not None
