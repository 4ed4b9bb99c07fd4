"""An agent on any server that speaks the OpenAI chat API, through the official client.

Importing this module is cheap: the client library is loaded when the first answer is due.
"""

from __future__ import annotations

import concurrent.futures
import json
from typing import TYPE_CHECKING

from .base import AgentAnswer, AgentConfig, AgentError, AgentRequest, Deadline, ErrorKind, interruption, time_left
from .openai_messages import BadAddressError, normalise_base_url

if TYPE_CHECKING:
    from .openai_exchange import Progress

# Fields of the request that are Durar's to set.
RESERVED = ("messages", "model", "n", "stream", "stream_options")


class OpenAICompatibleAgent:
    """Answers with what the model of `config` says. Safe to use from many threads at once."""

    def __init__(self, config: AgentConfig) -> None:
        """Checks the settings; raises AgentError (bad_settings) with a sentence for what cannot work."""
        self._config = config
        self._key = config.api_key.strip()
        try:
            self._base_url = normalise_base_url(config.base_url)
        except BadAddressError as error:
            problem = str(error)
        else:
            problem = self._unusable()
        if problem:
            raise AgentError(
                ErrorKind.BAD_SETTINGS, f'The settings of the agent "{config.name}" cannot work. {problem}'
            )

    def _unusable(self) -> str:
        if any(not "!" <= character <= "~" for character in self._key):
            return (
                "The API key contains a space, or a character that no key has (a quotation mark or dash that a word "
                "processor changed?). Copy it again."
            )
        taken = [name for name in RESERVED if name in self._config.extra]
        if taken:
            return f"The extra fields must not contain {', '.join(taken)}: Durar sets this itself. Remove it."
        try:
            json.dumps(dict(self._config.extra), allow_nan=False)
        except (TypeError, ValueError):
            return "The extra fields contain a value that JSON does not know. Use text, numbers, true, false and lists."
        return ""

    def answer(self, request: AgentRequest, *, deadline: Deadline) -> AgentAnswer:
        """The model's answer, read as a stream until it is complete or longer than `max_answer_chars`.

        Raises AgentError; it carries no other exception along, since those may quote the server or the key.
        """
        from . import openai_transport
        from .openai_exchange import Exchange

        limit = time_left(self._config, deadline)
        if limit <= 0:
            raise interruption(self._config, deadline)
        exchange = Exchange(self._config, self._base_url, self._key, limit)
        outcome: AgentAnswer | AgentError
        try:
            outcome = openai_transport.run(lambda: exchange.outcome(request), deadline=deadline, limit=limit)
        except (TimeoutError, concurrent.futures.CancelledError):
            outcome = interruption(self._config, deadline, _how_far(exchange.progress, self._base_url))
        if isinstance(outcome, AgentError):
            raise outcome
        return outcome


def _how_far(progress: Progress, base_url: str) -> str:
    if progress.chars:
        return f"{progress.chars} characters of the answer had arrived from {base_url}."
    if progress.connected:
        return f"The server at {base_url} had begun to respond, but no text had arrived."
    return f"The server at {base_url} had not responded."
