"""Who looks at an open page, and what changes they may be told of: asked of the database each time, never kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User

from mattermost_bridge.live.messages import Change, Kind
from mattermost_bridge.services import rights, second_factor

#: Whoever may view or change one of these models may be told of the kind.
MODELS: dict[Kind, tuple[str, ...]] = {
    "event": ("inboundevent",),
    "turn": ("turn", "conversation"),
    "delivery": ("delivery",),
    "pairing": ("pairingrequest",),
    "connection": ("account", "connectionchange"),
    "account": ("account",),
    "agent": ("agent",),
    "access": ("accessentry", "blockeduser", "accessgroup", "groupoverride"),
    "direct_channel": ("directchannel",),
    "alert": ("alert", "alertnotice", "alerttarget"),
    "overview": ("account",),
}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a signed-in person may be told of: kinds, and the accounts whose records they may see."""

    kinds: frozenset[Kind]
    accounts: frozenset[int]
    unlimited: bool

    def of(self, changes: Iterable[Change]) -> list[Change]:
        """Those of the changes that the person may be told of. Of what belongs to no account, as agents, who is limited
        to accounts is told without the keys: it may be an agent that they do not see."""
        return [
            change if change["account"] is not None or self.unlimited else {**change, "ids": []}
            for change in changes
            if change["kind"] in self.kinds and (change["account"] is None or change["account"] in self.accounts)
        ]


def signed_in(session_key: str | None) -> User | None:
    """The person that a session belongs to, if they may still use the panel.

    A session that has ended, a changed password and a person who was deactivated or taken off the staff count at once.
    """
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]
    if not isinstance(user, User) or not user.is_active or not user.is_staff or second_factor.must_enrol(user):
        return None
    return user


def sight_of(session_key: str | None) -> Sight | None:
    """What the person of this session may be told of right now; None when nobody is signed in."""
    user = signed_in(session_key)
    if user is None:
        return None
    kinds = frozenset(kind for kind, models in MODELS.items() if any(_may_view(user, model) for model in models))
    accounts = rights.accounts_visible_to(user).values_list("pk", flat=True) if kinds else ()
    return Sight(kinds, frozenset(accounts), rights.reach_of(user).unlimited)


def _may_view(user: User, model: str) -> bool:
    return rights.may(user, f"view_{model}") or rights.may(user, f"change_{model}")
