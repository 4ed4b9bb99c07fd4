"""Attachments with buttons, as a post carries them. For scripts, too: this module needs no Django and no database."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.rules.buttons import context_of, read_buttons
from mattermost_bridge.rules.signatures import TOKEN, button_secret, sign


def build_button_attachments(
    rows: Any,
    *,
    callback_url: str,
    bot_token: str = "",
    secret: str = "",
    channel_id: str = "",
    text: str = "",
    generation: str = "",
) -> list[dict[str, Any]]:
    """The value of a post's `props.attachments` that shows these buttons, signed; empty when no button remains.

    `rows` are rows of buttons, or one list of them; rows are joined, since Mattermost lays buttons out by itself. A
    button is an object with
        text            what it shows (also accepted: `name`, `label`); without it the button is dropped
        callback_data   what it stands for (also accepted: `id`); its id in the post is what of it is A-Z, a-z or 0-9,
                        with a number behind it where two are the same; a button whose id would be empty is dropped
        style           "default" (the default), "primary" or "danger"
        context         further fields that come back with a click; none of them can take the place of a signed one
    `callback_url` is where a click goes: https://HOST/mattermost/interactions/ACCOUNT.
    `bot_token` is the bot's token, or `secret` what `button_secret` made of it; one of them is needed.
    `channel_id` binds the buttons to the channel for which they are made. `text` stands above them, in their box.
    `generation` names the set: buttons with the same one in the same post work once together. Without one, all of the
    post's buttons do.

    Raises ValueError for buttons that are no list of objects, and when neither token nor secret is given; TypeError or
    ValueError for a context that JSON has no form for.
    """
    if not (bot_token or secret):
        raise ValueError("Buttons have to be signed: give the bot's token, or the secret that was made from it.")
    if not callback_url:
        raise ValueError("A click has to go somewhere: give https://HOST/mattermost/interactions/ACCOUNT.")
    secret = secret or button_secret(bot_token)
    actions = []
    for button in read_buttons(rows):
        context = context_of(button, channel_id=channel_id, generation=generation)
        actions.append(
            {
                "id": button.id,
                "type": "button",
                "name": button.name,
                "style": button.style,
                "integration": {"url": callback_url, "context": {**context, TOKEN: sign(context, secret)}},
            }
        )
    return [{"text": text, "actions": actions}] if actions else []
