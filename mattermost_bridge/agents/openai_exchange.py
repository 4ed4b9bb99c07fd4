"""One request to an OpenAI chat API and the reading of what comes back. Imports the client library."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import anyio
import httpx2
import openai

from .base import AgentAnswer, AgentConfig, AgentError, AgentRequest, ErrorKind, clean_text, cut_answer
from .openai_calls import Calls
from .openai_errors import Explainer, hung_up, wants_plain
from .openai_messages import chat_messages
from .openai_transport import MAX_RESPONSE_BYTES, Client, ResponseTooLargeError, client_for
from .redaction import REDACTED

# A server that is there accepts a connection sooner than this, also far away.
CONNECT_TIMEOUT_S = 10.0
# In an answer only what must be a real key is replaced: were "ollama" the key, the word would be missing from texts.
SHORTEST_REAL_KEY = 12
LONGEST_MODEL_NAME = 200
# Of what a model says of its reasoning; nobody reads more.
LONGEST_REASONING = 20_000

# What the client library lets through when a server sends nonsense: bad JSON, bad UTF-8, values of the wrong type.
_NONSENSE = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)


@dataclass
class Progress:
    """How far an answer has come, for the error when its time runs out."""

    connected: bool = False
    chars: int = 0


class _Reading:
    """What has been read of an answer so far."""

    def __init__(self, progress: Progress) -> None:
        self.pieces: list[str] = []
        self.reasoning: list[str] = []
        self.model = ""
        self.finish = ""
        self.calls = Calls()
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.objects = 0
        self._progress = progress

    def add(self, part: object) -> None:
        """Take in one chunk of a stream, or a whole completion: the two differ in `delta` and `message`."""
        choices = _get(part, "choices")
        if not isinstance(choices, list):
            return
        self.objects += 1
        if isinstance(model := _get(part, "model"), str):
            self.model = model or self.model
        usage = _get(part, "usage")
        self.input_tokens = _count(_get(usage, "prompt_tokens"), self.input_tokens)
        self.output_tokens = _count(_get(usage, "completion_tokens"), self.output_tokens)
        for choice in choices[:1]:
            message = _get(choice, "delta") or _get(choice, "message")
            self._text(_get(message, "content"))
            self._text(_get(message, "refusal"))
            # vLLM and DeepSeek say the one, OpenRouter and Ollama the other.
            self._reason(_get(message, "reasoning_content") or _get(message, "reasoning"))
            self.calls.add(_get(message, "tool_calls"))
            if isinstance(finish := _get(choice, "finish_reason"), str):
                self.finish = finish

    def _reason(self, said: object) -> None:
        if isinstance(said, str) and sum(map(len, self.reasoning)) < LONGEST_REASONING:
            self.reasoning.append(said)

    def _text(self, content: object) -> None:
        # Some servers send a list of typed parts instead of a string.
        parts = content if isinstance(content, list) else [content]
        for part in parts:
            text = _get(part, "text") if _get(part, "type") == "text" else part
            if isinstance(text, str):
                self.pieces.append(text)
                self._progress.chars += len(text)


class Exchange:
    """One question and its answer. `outcome` runs in the transport's loop."""

    def __init__(self, config: AgentConfig, base_url: str, api_key: str, limit: float) -> None:
        self.progress = Progress()
        self._config = replace(config, api_key=api_key)
        self._base_url = base_url
        self._limit = limit
        self._explain = Explainer(self._config, base_url)

    async def outcome(self, request: AgentRequest) -> AgentAnswer | AgentError:
        """The answer, or the error to raise. Returned rather than raised, so that no cause hangs on it."""
        try:
            client = client_for(self._base_url, self._config.api_key)
            stream = await self._ask(client, request)
            try:
                return await self._read(stream, request)
            finally:
                await stream.close()
        except openai.APITimeoutError as failure:
            return self._explain.explain(failure)
        except openai.APIConnectionError as failure:
            if self.progress.connected:
                return self._explain.broken_off(self.progress.chars)
            return self._explain.explain(failure)
        except openai.OpenAIError as failure:
            return self._explain.explain(failure)
        except ResponseTooLargeError:
            size = MAX_RESPONSE_BYTES // 1024**2
            return self._explain.no_answer(f"The server sent more than {size} MiB for one answer and was cut off.")
        except httpx2.DecodingError:
            return self._explain.no_answer("What the server sent is compressed in a way that cannot be read.")
        except (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream):
            # While a whole body was read, of an error or of an answer: there the client library does not translate.
            return self._explain.broken_off(self.progress.chars)

    async def _ask(self, client: Client, request: AgentRequest) -> openai.AsyncStream[Any]:
        """The opened stream. Asks a second time where that may help: in the plain form, or on a fresh connection."""
        plain = self._config.model in client.plain_models
        asked_again = False
        while True:
            try:
                stream = await client.api.chat.completions.create(**self._request(request, plain=plain))
            except openai.APIStatusError as failure:
                if plain or not wants_plain(failure):
                    raise
                plain = True
                continue
            except openai.APIConnectionError as failure:
                if asked_again or not hung_up(failure):
                    raise
                asked_again = True
                continue
            self.progress.connected = True
            if plain:
                client.plain_models.add(self._config.model)
            return stream

    def _request(self, request: AgentRequest, *, plain: bool) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": self._config.model.strip(),
            "messages": chat_messages(request, self._config.instructions, plain=plain),
            "stream": True,
            "timeout": openai.Timeout(self._limit, connect=min(self._limit, CONNECT_TIMEOUT_S)),
        }
        if not plain:
            fields["stream_options"] = {"include_usage": True}
        if not self._config.api_key:
            fields["extra_headers"] = {"Authorization": openai.omit}
        if request.tools:
            fields["tools"] = [dict(tool) for tool in request.tools]
        if self._config.extra:
            fields["extra_body"] = dict(self._config.extra)
        return fields

    async def _read(self, stream: openai.AsyncStream[Any], request: AgentRequest) -> AgentAnswer | AgentError:
        try:
            return await self._read_as_declared(stream, request)
        except _NONSENSE as failure:
            return self._explain.no_answer(f"What the server sent cannot be read ({type(failure).__name__}).")

    async def _read_as_declared(
        self, stream: openai.AsyncStream[Any], request: AgentRequest
    ) -> AgentAnswer | AgentError:
        content_type = stream.response.headers.get("content-type", "").lower()
        reading = _Reading(self.progress)
        if "html" in content_type:
            return self._explain.no_answer("The server answered with a web page.")
        if "json" in content_type:
            body = json.loads(await stream.response.aread())
            if isinstance(body, Mapping) and body.get("error"):
                return self._explain.reported(body["error"])
            reading.add(body)
        else:
            async for chunk in stream:
                reading.add(chunk)
                if self.progress.chars > self._config.max_answer_chars:
                    break
        return self._result(reading, request)

    def _result(self, reading: _Reading, request: AgentRequest) -> AgentAnswer | AgentError:
        # Only now: an emoji may have come in two halves, in two chunks.
        text = clean_text("".join(reading.pieces))
        if not reading.objects:
            return self._explain.no_answer("The server answered, but with nothing of the chat API in it.")
        reasoning = clean_text("".join(reading.reasoning))[:LONGEST_REASONING]
        calls = reading.calls.complete() if request.tools else ()
        if not text.strip() and not calls and not (request.rounds and reading.finish == "stop"):
            return self._explain.error(ErrorKind.BAD_ANSWER, self._why_blank(reading))
        if len(self._config.api_key) >= SHORTEST_REAL_KEY:  # from a server that echoes what it was sent
            key = self._config.api_key
            text, reasoning = text.replace(key, REDACTED), reasoning.replace(key, REDACTED)
            calls = tuple(replace(call, arguments=call.arguments.replace(key, REDACTED)) for call in calls)
        text, cut = cut_answer(text, self._config.max_answer_chars)
        return AgentAnswer(
            text=text,
            model=clean_text(reading.model)[:LONGEST_MODEL_NAME],
            input_tokens=reading.input_tokens,
            output_tokens=reading.output_tokens,
            truncated=cut or reading.finish == "length",
            calls=calls,
            reasoning=reasoning,
        )

    def _why_blank(self, reading: _Reading) -> str:
        said = f'The model "{self._config.model}" at {self._base_url} answered with nothing.'
        if reading.finish == "length":
            return f"{said} It used up its tokens before it wrote any text: allow it more, or let it reason less."
        if reading.finish == "content_filter":
            return f"{said} The server's content filter held the answer back."
        if reading.calls or reading.finish in {"tool_calls", "function_call"}:
            return f"{said} It called a tool, and this agent has none: change its instructions or choose another model."
        return f"{said} Try again; if it stays, check the instructions or choose another model."


def _get(thing: object, name: str) -> Any:
    """A field of a model of the client library, or of plain JSON; None where there is none."""
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _count(value: Any, before: int | None) -> int | None:
    """A token count as a server reports it, if it can be one (and fits a database's integer), else the one before."""
    believable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if believable else before
