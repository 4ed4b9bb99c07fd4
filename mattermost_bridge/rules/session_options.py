"""What people may set for one session by slash commands, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The options with their values; the first one is what holds when nothing was set.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "think": ("default", "off", "low", "medium", "high"),
    "reasoning": ("off", "on"),
    "verbose": ("off", "on"),
    "queue": ("each", "collect"),
}
LABELS: Mapping[str, str] = {
    "think": "Thinking",
    "reasoning": "Showing the model's reasoning",
    "verbose": "Saying what an answer took",
    "queue": "Answering what waits",
}
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "think": {
        "default": "The agent's own settings hold.",
        "off": "The model is told no level, also when the agent's settings have one.",
        "low": "The model is asked to think little.",
        "medium": "The model is asked to think for a while.",
        "high": "The model is asked to think long.",
    },
    "reasoning": {
        "off": "Only answers are shown.",
        "on": "What the model says of its reasoning stands above its answers, where its server tells it.",
    },
    "verbose": {
        "off": "Answers come alone.",
        "on": "Model, tokens and time stand below each answer.",
    },
    "queue": {
        "each": "Each message gets an answer of its own.",
        "collect": "What is written while an answer is being made is answered together.",
    },
}
#: The field of the OpenAI chat API that says how long a model thinks.
EFFORT = "reasoning_effort"
LONGEST_REASONING = 4000


def in_words(options: Mapping[str, Any]) -> list[str]:
    """What is set in a session, as lines."""
    lines = [f"Model of this session: {options['model']}"] if options.get("model") else []
    return lines + [f"{LABELS[name]}: {options[name]}" for name in CHOICES if options.get(name)]


def extra_with(extra: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's further fields of a request, with the thinking level of the session."""
    level = str(options.get("think") or "default")
    if level == "default":
        return dict(extra)
    rest = {name: value for name, value in extra.items() if name != EFFORT}
    return rest if level == "off" else {**rest, EFFORT: level}


def dressed(
    text: str,
    options: Mapping[str, Any],
    *,
    reasoning: str = "",
    model: str = "",
    tokens: tuple[int | None, int | None] = (None, None),
    seconds: float | None = None,
) -> str:
    """An answer as it is posted in a session with these options: its reasoning above, what it took below."""
    parts = [text]
    if options.get("reasoning") == "on" and reasoning.strip():
        said = reasoning.strip()
        said = said if len(said) <= LONGEST_REASONING else said[: LONGEST_REASONING - 1] + "…"
        parts.insert(0, "\n".join(f"> {line}".rstrip() for line in said.splitlines()))
    if options.get("verbose") == "on":
        took = [model] if model else []
        if None not in tokens:
            took.append(f"{tokens[0]} + {tokens[1]} tokens")
        if seconds is not None:
            took.append(f"{seconds:.1f} s")
        parts += [f"*{' · '.join(took)}*"] if took else []
    return "\n\n".join(part for part in parts if part.strip())
