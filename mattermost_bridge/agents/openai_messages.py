"""From a request of Durar's to the messages of the OpenAI chat API, and from an operator's address to a base URL."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from .base import INLINE_BUTTONS, AgentRequest, Image, Message, ToolRound, clean_text

# What the API accepts as a participant's name; the rest becomes "_".
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64
# What a model is told of the capability; how it offers buttons is told with the tool for that.
_BUTTONS = (
    "This chat can show buttons (inlineButtons). When somebody clicks one, you get a message of the form "
    '[Button click: user @name selected "Label"].'
)
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


def chat_messages(request: AgentRequest, instructions: str, *, plain: bool = False) -> list[dict[str, Any]]:
    """The instructions as system message, the history, and what was written last, with what stands around it.

    In channels and group conversations several people speak: there the text of each earlier message begins with its
    author in square brackets, since many models never see the API's `name`. Images become parts of the last message.
    `plain` is the form for servers and chat templates that are strict: no names, no system role, and user and assistant
    take turns, beginning with the user. The rounds of tools follow the last message in either form.
    """
    messages: list[dict[str, Any]] = []
    can = _BUTTONS if request.can(INLINE_BUTTONS) else ""
    told = "\n\n".join(part for part in (instructions, request.instructions, can) if part.strip())
    if told:
        messages.append({"role": "system", "content": told})
    for earlier in request.history:
        messages.append(_earlier(earlier, request))
    last = {"role": "user", "content": request.before + request.text + request.after}
    messages.append(_named(last, request.sender_name))
    messages = [{**message, "content": clean_text(message["content"])} for message in messages]
    if plain:
        messages = _in_turns(messages)
    if request.images:
        messages[-1]["content"] = [
            {"type": "text", "text": messages[-1]["content"]},
            *({"type": "image_url", "image_url": {"url": _data_url(image)}} for image in request.images),
        ]
    for done in request.rounds:
        messages.extend(_round(done))
    return messages


def _round(done: ToolRound) -> list[dict[str, Any]]:
    """What the model asked for, as it asked, and what came of it."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _readable(call.arguments)}}
        for call in done.calls
    ]
    asked = {"role": "assistant", "content": clean_text(done.text) or None, "tool_calls": calls}
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": clean_text(result)}
        for call, result in zip(done.calls, done.results, strict=True)
    ]
    return [asked, *results]


def _readable(arguments: str) -> str:
    """Servers read the arguments of earlier calls, too, and some fail on broken ones; the result says what is wrong."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def _data_url(image: Image) -> str:
    return f"data:{image.mime_type};base64,{base64.b64encode(image.data).decode('ascii')}"


def _earlier(message: Message, request: AgentRequest) -> dict[str, Any]:
    if message.role == "assistant":
        return {"role": "assistant", "content": message.text}
    header = "" if request.is_direct or not message.name else f"[{_one_line(message.name)}]\n"
    return _named({"role": "user", "content": header + message.text}, message.name)


def _named(message: dict[str, Any], name: str) -> dict[str, Any]:
    allowed = _NOT_IN_NAMES.sub("_", name).strip("_")[:_LONGEST_NAME]
    return {**message, "name": allowed} if allowed else message


def _one_line(name: str) -> str:
    """A display name on one line and without brackets, so that nobody's name can look like a header of its own."""
    return " ".join(name.replace("[", "(").replace("]", ")").split())


def _in_turns(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        if not turns and role == "assistant":
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1] = {"role": role, "content": f"{turns[-1]['content']}\n\n{message['content']}"}
        else:
            turns.append({"role": role, "content": message["content"]})
    return turns
