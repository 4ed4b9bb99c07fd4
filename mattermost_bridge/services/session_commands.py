"""What the built-in slash commands do: with the session in which they are used, and at once. The answer is for the
asker alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F, Value
from django.db.models.functions import Greatest

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Agent, Conversation, InboundEvent
from mattermost_bridge.rules import session_options as rules
from mattermost_bridge.rules.slash_registration import BUILT_INS, trigger_of
from mattermost_bridge.services import control_commands, model_picker, session_options, stopping, turns
from mattermost_bridge.services.slash_registration import skills_of

UNKNOWN = "This command is not known to this version of Durar. An operator can register the commands again."


@dataclass(frozen=True, slots=True)
class _Used:
    """A command as it is carried out: what came in, in which session, and whether the bot may post there."""

    event: InboundEvent
    conversation: Conversation
    account: AccountSettings
    args: str
    is_member: bool


def carry_out(event: InboundEvent, conversation: Conversation, account: AccountSettings, *, is_member: bool) -> str:
    """Do what a built-in command says, inside the caller's transaction, and return its answer."""
    name = str(event.payload["command"])
    used = _Used(event, conversation, account, str(event.payload["args"]).strip(), is_member)
    if name in rules.CHOICES:
        return _option(name, used)
    do = _COMMANDS.get(name)
    return do(used) if do is not None else UNKNOWN


def _status(used: _Used) -> str:
    return "\n".join(
        [
            control_commands.status_text(used.conversation, used.account),
            f"- Session: {used.conversation.session_key}",
            *(f"- {line}" for line in rules.in_words(used.conversation.options)),
        ]
    )


def _new(used: _Used) -> str:
    Conversation.objects.filter(pk=used.conversation.pk).update(
        fresh_since=Greatest(F("fresh_since"), Value(used.event.create_at))
    )
    live.changed(used.account.pk, "turn")
    return control_commands.NEW_SESSION


def _stop(used: _Used) -> str:
    said = stopping.stop_at_once(used.event, used.conversation, used.account)
    # What is younger, and waited behind what was stopped, goes on.
    turns.hint(used.conversation.pk)
    return said


def _help(used: _Used) -> str:
    prefix = used.account.commands.prefix
    offered = [(one.name, one.hint, one.description) for one in BUILT_INS]
    if used.account.commands.native_skills:
        skills = skills_of(used.account.pk)
        offered += [(one.name, one.hint or "[args]", one.description or f"Run skill {one.name}") for one in skills]
    lines = [
        f"- `/{trigger_of(prefix, name)}{f' {hint}' if hint else ''}` {description}"
        for name, hint, description in offered
    ]
    return "\n".join(["These commands are here:", "", *lines])


def _model(used: _Used) -> str:
    agent = session_options.agent_of(used.conversation, used.account)
    if agent is None:
        return "No agent answers here, so there is no model."
    known = session_options.models_of(agent)
    if not used.args:
        return (
            f"Current: {session_options.model_in_use(agent, used.conversation)}\n\n"
            f"Use `/{_trigger(used, 'models')}` to choose another one, or `/{_trigger(used, 'model')} default` to go "
            "back to the agent's own."
        )
    if used.args.lower() == "default":
        session_options.put(used.conversation, "model", "")
        return f"This session uses the agent's own model again: {agent.model or agent.backend}."
    wanted = next((one for one in known if one.lower() == used.args.lower()), None)
    if wanted is None:
        return f"That model is not available: {used.args[:120]}\n\n{_listed(used, agent, known)}"
    session_options.put(used.conversation, "model", wanted)
    return f"This session uses {wanted} from now on."


def _models(used: _Used) -> str:
    agent = session_options.agent_of(used.conversation, used.account)
    known = session_options.models_of(agent) if agent is not None else []
    if agent is None or not known:
        return "No models available."
    if used.args and used.args.lower() not in {agent.slug.lower(), str(agent).lower()}:
        return f"Unknown provider: {used.args[:120]}"
    listed = _listed(used, agent, known)
    if used.is_member and model_picker.offer(used.event, used.conversation, used.account, agent, known):
        return ""
    return listed


def _listed(used: _Used, agent: Agent, known: list[str]) -> str:
    current = session_options.model_in_use(agent, used.conversation)
    lines = [f"- `{one}`{' [current]' if one == current else ''}" for one in known]
    return "\n".join(
        [f"Models of {agent}:", "", *lines, "", f"Choose one with `/{_trigger(used, 'model')} [model-name]`."]
    )


def _trigger(used: _Used, name: str) -> str:
    return trigger_of(used.account.commands.prefix, name)


def _option(name: str, used: _Used) -> str:
    choices = rules.CHOICES[name]
    value = used.args.lower()
    if not value:
        now = used.conversation.options.get(name) or choices[0]
        return f"{rules.LABELS[name]} is {now} in this session. Choose one of: {', '.join(choices)}."
    if value not in choices:
        return f"{used.args[:60]} is no choice here. Choose one of: {', '.join(choices)}."
    session_options.put(used.conversation, name, value)
    return f"{rules.LABELS[name]} is {value} in this session from now on. {rules.MEANINGS[name][value]}"


_COMMANDS: dict[str, Callable[[_Used], str]] = {
    "status": _status,
    "new": _new,
    "stop": _stop,
    "help": _help,
    "model": _model,
    "models": _models,
}
