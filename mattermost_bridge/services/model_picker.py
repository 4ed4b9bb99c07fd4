"""The model picker: a post with a button for each model, which only whoever opened it can use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.models import Agent, Conversation, InboundEvent
from mattermost_bridge.services import buttons, session_options
from mattermost_bridge.services.errors import Refused

log = structlog.get_logger(__name__)

#: The field of a button's signed context that says that it chooses a model, with the model's name.
PICKED = "durar_picked_model"
#: The field that says for which session; where answers begin threads, the picker's own post would lead to another one.
SESSION = "durar_picked_for"
VALID_FOR = timedelta(minutes=15)
STALE = "That model is no longer available: {model}"


def offer(
    event: InboundEvent, conversation: Conversation, account: AccountSettings, agent: Agent, models: list[str]
) -> bool:
    """Post the picker where the command was typed, inside the caller's transaction; False when none can be made."""
    current = session_options.model_in_use(agent, conversation)
    rows = [
        [
            {
                "text": f"{model} [current]" if model == current else model,
                "callback_data": f"model{number}",
                "style": "primary" if model == current else "default",
                "context": {PICKED: model, SESSION: conversation.pk},
            }
        ]
        for number, model in enumerate(models, start=1)
    ]
    try:
        buttons.offer(
            account_pk=account.pk,
            channel_id=event.channel_id,
            text=f"Models of {agent}. Current: {current}",
            buttons=rows,
            root_id=conversation.root_id,
            recipient_id=event.user_id if event.channel_type == "D" else "",
            since_ms=event.create_at,
            opener_id=event.user_id,
            valid_for=VALID_FOR,
        )
    except Refused as problem:
        log.warning("the model picker could not be made", account=account.account_id, problem=str(problem))
        return False
    return True


def picked(context: Mapping[str, Any]) -> str:
    """The model that a click chooses; "" for any other click."""
    model = context.get(PICKED)
    return model if isinstance(model, str) else ""


def session_of(context: Mapping[str, Any], account_pk: int) -> Conversation | None:
    """The session for which a picker was opened; None when it is gone."""
    pk = context.get(SESSION)
    return Conversation.objects.filter(pk=pk, account=account_pk).first() if isinstance(pk, int) else None


def choose(conversation: Conversation, account: AccountSettings, model: str) -> str:
    """Use a model in a session from now on, inside the caller's transaction; what stands in the picker's place then."""
    agent = session_options.agent_of(conversation, account)
    if agent is None or model not in session_options.models_of(agent):
        return STALE.format(model=model)
    session_options.put(conversation, "model", model)
    return f"This session uses {model} from now on."
