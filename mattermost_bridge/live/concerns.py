"""Which kinds of changes concern which pages of the panel."""

from __future__ import annotations

#: For lists and pages of a kind of record, by its model: a page that shows columns of others waits for those, too.
CONCERNS = {
    "account": "account connection agent",
    "agent": "agent",
    "bridgedefaults": "overview",
    "pairingrequest": "pairing",
    "accessentry": "access pairing account",
    "blockeduser": "access",
    "accessgroup": "access",
    "accessgroupmember": "access",
    "groupoverride": "access overview",
    "alert": "alert",
    "alertnotice": "alert",
    "alerttarget": "alert",
    "conversation": "turn event",
    "inboundevent": "event turn",
    "turn": "turn delivery",
    "delivery": "delivery",
    "directchannel": "direct_channel delivery",
    "connectionchange": "connection",
    "scheduledmessage": "overview delivery",
    "sendkey": "overview",
    "skill": "account overview",
    # Every change has a row there.
    "auditentry": "account agent access pairing delivery event turn direct_channel alert overview",
}
#: The first page and the tabs of an account show a bit of everything.
OVERVIEW = "pairing delivery event turn connection account agent access direct_channel overview"


def concerns(model_name: str) -> str:
    """The kinds of changes, with spaces between them, that a model's pages show; "" for none."""
    return CONCERNS.get(model_name, "")
