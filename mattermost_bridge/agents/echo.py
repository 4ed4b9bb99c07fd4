"""An agent without a model: it repeats what it is told, and a few words show what a model may do."""

from __future__ import annotations

import re

from .base import (
    AgentAnswer,
    AgentConfig,
    AgentError,
    AgentRequest,
    Deadline,
    ErrorKind,
    cut_answer,
    interruption,
    time_left,
)

SLOW_DEFAULT_S = 5
SLOW_LONGEST_S = 600

HELP = f"""I am the echo agent. I repeat what you write, and a few words show what else an agent may do:

- `help` shows this list.
- `long` gives an answer of about 10,000 characters with a block of code in it, so that you see how it is split.
- `slow` waits {SLOW_DEFAULT_S} seconds before it answers, `slow 20` waits 20 (at most {SLOW_LONGEST_S}).
- `fail` fails, so that you see what a person is told and what an operator sees.
- `history` says how many earlier messages I was given.
- `context` shows what I was told around your message. With files, I say what I was given of each.

Everything else comes back as it is."""

_SLOW = re.compile(r"slow(?:\s+([0-9]+))?")


class EchoAgent:
    """Answers at once. Fails only when it is asked to, or when its deadline ends during `slow`."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config

    def answer(self, request: AgentRequest, *, deadline: Deadline) -> AgentAnswer:
        """The text again, or what a word of `help` asks for. Raises AgentError for `fail` and a late `slow`."""
        if deadline.cancelled or deadline.expired:
            raise interruption(self._config, deadline)
        text, truncated = cut_answer(self._reply(request, deadline), self._config.max_answer_chars)
        return AgentAnswer(text=text, model="echo", truncated=truncated)

    def _reply(self, request: AgentRequest, deadline: Deadline) -> str:
        word = request.text.strip().lower()
        if word == "help":
            return HELP
        if word == "long":
            return long_answer()
        if word == "fail":
            raise AgentError(
                ErrorKind.SERVER_ERROR,
                f'The echo agent "{self._config.name}" was told to fail, so that you see how a failure looks. '
                "There is nothing to mend.",
            )
        if word == "history":
            count = len(request.history)
            return f"I was given {count} earlier message{'' if count == 1 else 's'}."
        if word == "context":
            return _around(request)
        if slow := _SLOW.fullmatch(word):
            return self._slow(slow.group(1), deadline)
        if request.files:
            said = f"You said: {request.text}" if request.text.strip() else "You said nothing."
            return "\n".join([said, "", "With it came:", *(f"- {file}" for file in request.files)])
        return f"You said: {request.text}"

    def _slow(self, digits: str | None, deadline: Deadline) -> str:
        # Compared by length first: int() refuses numbers of thousands of digits.
        asked = SLOW_DEFAULT_S if digits is None else int(digits) if len(digits) < 9 else SLOW_LONGEST_S
        seconds = min(asked, SLOW_LONGEST_S)
        available = time_left(self._config, deadline)
        if not deadline.wait(min(seconds, available)) or seconds > available:
            raise interruption(self._config, deadline)
        return f"This answer took {seconds} second{'' if seconds == 1 else 's'}, as you asked."


def _around(request: AgentRequest) -> str:
    parts = [("Instructions of this channel", request.instructions), ("Before your message", request.before)]
    parts += [("After your message", request.after)]
    shown = [f"{title}:\n{_block(text)}" for title, text in parts if text.strip()]
    if request.images:
        shown.append(f"Images: {len(request.images)}")
    return "\n\n".join(shown) or "I was told nothing around your message."


def _block(text: str) -> str:
    """The text in a block of code that its own fences cannot end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.strip()}\n{fence}"


def long_answer() -> str:
    """About 10,000 characters: text, a block of code that lies across the 4000th and the 8000th, and text again."""
    before = _paragraphs("This is a long answer, to show how Durar splits it into posts.", 1, 2800)
    lines: list[str] = []
    size = 0
    while size < 6000:
        line = f"line_{len(lines) + 1:03} = {len(lines) + 1} * 3  # a line of code that no post may tear from its block"
        lines.append(line)
        size += len(line) + 1
    code = "```python\n" + "\n".join(lines) + "\n```"
    after = _paragraphs("The code ends above this line, and its colours are right in every post.", 2, 1000)
    return f"{before}\n\n{code}\n\n{after}"


def _paragraphs(opening: str, part: int, length: int) -> str:
    sentences, size = [opening], len(opening)
    while size < length:
        sentence = f"Sentence {len(sentences)} of part {part} is here only to fill the page." + "\n" * (
            2 if len(sentences) % 6 == 0 else 0
        )
        sentences.append(sentence)
        size += len(sentence) + 1
    return " ".join(sentences).replace("\n ", "\n").strip()
