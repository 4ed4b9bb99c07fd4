"""From a request of Durar's to the messages of the OpenAI chat API, and from an operator's address to a base URL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from .base import AgentRequest, Message, clean_text

# What the API accepts as a participant's name; the rest becomes "_".
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64
_PASTED_ENDPOINT = re.compile(r"/chat/completions$", re.IGNORECASE)


class BadAddressError(ValueError):
    """A base URL that cannot work. Its text is a sentence for the operator and repeats no credentials."""


def normalise_base_url(raw: str) -> str:
    """The base URL without spaces around it, trailing slashes or a pasted `/chat/completions`.

    Raises BadAddressError for anything but http(s), and for credentials, a query or a fragment: they would be logged.
    """
    text = raw.strip()
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadAddressError("The address contains a space or an invisible character. Type it again.")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # also a host name that IDNA refuses
        raise BadAddressError("The address is not a valid URL. It should look like https://host/v1.") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise BadAddressError("The address must be a whole URL that begins with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise BadAddressError("The address must not contain a user name or password. Put the key into its own field.")
    if parts.query or parts.fragment:
        raise BadAddressError('The address must not contain "?" or "#". Give it only up to its path, usually /v1.')
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port is None else f"{host}:{port}"
    path = _PASTED_ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    return f"{parts.scheme}://{netloc}{path}"


def chat_messages(request: AgentRequest, instructions: str, *, plain: bool = False) -> list[dict[str, str]]:
    """The instructions as system message, the history, and what was written last.

    In channels and group conversations several people speak: there each person's text begins with a short header in
    square brackets, since many models never see the API's `name`. `plain` is the form for servers and chat templates
    that are strict: no names, no system role, and user and assistant take turns, beginning with the user.
    """
    messages: list[dict[str, str]] = []
    if instructions.strip():
        messages.append({"role": "system", "content": instructions})
    for earlier in request.history:
        messages.append(_earlier(earlier, request))
    last = {"role": "user", "content": _header(request) + request.text}
    messages.append(_named(last, request.sender_name))
    messages = [{**message, "content": clean_text(message["content"])} for message in messages]
    return _in_turns(messages) if plain else messages


def _earlier(message: Message, request: AgentRequest) -> dict[str, str]:
    if message.role == "assistant":
        return {"role": "assistant", "content": message.text}
    header = "" if request.is_direct or not message.name else f"[{_one_line(message.name)}]\n"
    return _named({"role": "user", "content": header + message.text}, message.name)


def _header(request: AgentRequest) -> str:
    if request.is_direct:
        return ""
    sender = _one_line(request.sender_name) or "somebody"
    if request.channel_kind in {"group", "G"}:
        return f"[{sender} in a group conversation]\n"
    channel = _one_line(request.channel_name)
    return f'[{sender} in the channel "{channel}"]\n' if channel else f"[{sender} in a channel]\n"


def _named(message: dict[str, str], name: str) -> dict[str, str]:
    allowed = _NOT_IN_NAMES.sub("_", name).strip("_")[:_LONGEST_NAME]
    return {**message, "name": allowed} if allowed else message


def _one_line(name: str) -> str:
    """A display name on one line and without brackets, so that nobody's name can look like a header of its own."""
    return " ".join(name.replace("[", "(").replace("]", ")").split())


def _in_turns(messages: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    turns: list[dict[str, str]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        if not turns and role == "assistant":
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1] = {"role": role, "content": f"{turns[-1]['content']}\n\n{message['content']}"}
        else:
            turns.append({"role": role, "content": message["content"]})
    return turns
