"""References to secrets that Durar does not store: `env:NAME` and `file:NAME`, and the objects that stand for them.

A reference may name only variables made for Durar and files below `DURAR_SECRETS_DIR`; otherwise whoever may edit an
account could read any variable or file of the host by pointing an account at a server of their own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from django.conf import settings

ENV_NAME = re.compile(r"(?:MATTERMOST_|DURAR_SECRET_)[A-Z0-9_]{1,100}")
PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,63}")
ENV_ID = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
#: No token or key is longer; a larger file was named by mistake.
FILE_LIMIT = 64 * 1024


class SecretProblem(Exception):
    """A reference that is not allowed or cannot be resolved. The text is a sentence without any secret."""


def is_reference(text: str) -> bool:
    """Whether `text` has the form of a reference rather than of a secret."""
    return text.startswith(("env:", "file:"))


def check_reference(text: str) -> None:
    """Raise SecretProblem when `text` is no reference that Durar may follow; whether it resolves is not looked at."""
    kind, _, name = text.partition(":")
    if kind == "env":
        if not ENV_NAME.fullmatch(name):
            raise SecretProblem(
                f"The reference {text!r} is not allowed: only variables whose names begin with MATTERMOST_ or "
                "DURAR_SECRET_ (capitals, digits and _) may be used. Rename the variable."
            )
    elif kind == "file":
        _file_name(text)
    else:
        raise SecretProblem(
            f"The reference {_short(text)} is not understood. Write env:MATTERMOST_…, env:DURAR_SECRET_… or file:NAME."
        )


def resolve(text: str) -> str:
    """The secret behind a reference, trimmed. Raises SecretProblem when there is none."""
    check_reference(text)
    kind, _, name = text.partition(":")
    if kind == "env":
        value = os.environ.get(name, "").strip()
        if not value:
            raise SecretProblem(
                f"The variable {name} is not set or empty. Set it where Durar's processes start, then restart them."
            )
        return value
    return _read(text)


def from_object(value: Mapping[str, object]) -> str:
    """The reference that an object `{source, provider, id}` stands for. Raises SecretProblem when it is none.

    `{source: "env", id: "NAME"}` is `env:NAME`. For `{source: "file", provider: "p", id: "value"}` the file `p` below
    the secrets directory holds nothing but the secret; with a JSON pointer as id, the file `p.json` holds it there.
    """
    if set(value) != {"source", "provider", "id"} or not all(isinstance(part, str) for part in value.values()):
        raise SecretProblem('A secret reference has exactly the three texts "source", "provider" and "id".')
    source, provider, identifier = str(value["source"]), str(value["provider"]), str(value["id"])
    if source == "exec":
        raise SecretProblem(
            'Secrets from programs (source "exec") are not supported, since whoever edits the configuration could '
            'then run programs. Use source "env" or "file".'
        )
    if source not in {"env", "file"}:
        raise SecretProblem(f'The source of a secret is "env" or "file", not {source!r}.')
    if not PROVIDER.fullmatch(provider):
        raise SecretProblem("The provider of a secret is a lower-case name: a letter, then letters, digits, _ and -.")
    if source == "env":
        if not ENV_ID.fullmatch(identifier):
            raise SecretProblem("The id of a secret from the environment is a variable name in capitals.")
        reference = f"env:{identifier}"
    elif identifier == "value":
        reference = f"file:{provider}"
    elif identifier.startswith("/"):
        reference = f"file:{provider}.json#{identifier}"
    else:
        raise SecretProblem('The id of a secret from a file is "value" or a JSON pointer that begins with /.')
    check_reference(reference)
    return reference


def _short(text: str) -> str:
    # What stands where a reference belongs may be a secret that was pasted into the wrong field.
    return repr(text) if len(text) < 12 else f"{text[:4]!r}…"


def _file_name(text: str) -> tuple[str, str]:
    name, _, pointer = text.partition(":")[2].partition("#")
    parts = PurePosixPath(name).parts
    if not name or "\0" in name or "\\" in name or name.startswith("/") or ".." in parts or not parts:
        raise SecretProblem(
            f"The reference {text!r} is not allowed: name a file below the secrets directory, as file:bot_token, "
            "without a leading / and without .. in it."
        )
    if pointer and not pointer.startswith("/"):
        raise SecretProblem(f"The reference {text!r} has a JSON pointer that does not begin with /.")
    return name, pointer


def _read(text: str) -> str:
    name, pointer = _file_name(text)
    root = Path(settings.SECRETS_DIR).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise SecretProblem(
            f"The file {name} leads out of the secrets directory {root} (a symbolic link). Put the file itself there."
        )
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise SecretProblem(f"The file {path} is larger than {FILE_LIMIT} bytes, so it cannot be a secret.")
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SecretProblem(
            f"The secret file {path} cannot be read: {error.strerror}. Correct the reference or the file's rights."
        ) from error
    except UnicodeDecodeError as error:
        raise SecretProblem(f"The secret file {path} is not text in UTF-8.") from error
    secret = _inside(content, pointer, path) if pointer else content.strip()
    if not secret:
        raise SecretProblem(f"The secret file {path} is empty.")
    return secret


def _inside(content: str, pointer: str, path: Path) -> str:
    try:
        value: object = json.loads(content)
    except ValueError as error:
        # The decoder's own text is not shown and not chained: it carries the document, which is secret.
        line = getattr(error, "lineno", "?")
        raise SecretProblem(f"The secret file {path} is no JSON (line {line}).") from None
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            raise SecretProblem(f"The secret file {path} has nothing at {pointer}.")
    if not isinstance(value, str):
        raise SecretProblem(f"The secret file {path} has no text at {pointer}.")
    return value.strip()
