"""The field *To* of *Send a message*: people and channels of the account's server are found while one types, and every
target that can be written still can be.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from mattermost_bridge.admin.bindings import shown_peer
from mattermost_bridge.admin.finding import Hit, channel_hits, people_hits
from mattermost_bridge.admin.searching import PEERS, SearchWidget, account_meant, found_by
from mattermost_bridge.rules.targets import ID, Meaning, UnreadableTarget, read_target

#: Of each kind so many are offered where a name may be of either.
OF_EACH = 8


class TargetWidget(SearchWidget):
    """A search field whose value is a target: what was picked, as `user:ID` or `channel:ID`, else what was typed."""

    def __init__(self, url: str) -> None:
        super().__init__(PEERS, url, shown=shown_target)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """What was picked, unless something else was typed over it: without scripts nothing else forgets the pick."""
        typed, picked = str(data.get(name) or "").strip(), str(data.get(f"{name}_id") or "").strip()
        words = shown_target(picked) if picked and typed else ""
        return typed if words and typed.lstrip("~") != words.lstrip("~") else picked or typed


def shown_target(target: str) -> str:
    """The name behind a target that is an id, "" for one that is not known or has a name already."""
    identity = target.rpartition(":")[2]
    return shown_peer(identity) if ID.fullmatch(identity) else ""


def find_view(request: HttpRequest, *, may_send: bool) -> HttpResponse:
    """People and channels of the account's server by what was typed. Raises PermissionDenied, Http404."""
    if not may_send:
        raise PermissionDenied
    value = request.GET.get("account", "")
    account_pk = account_meant(request, value) if value else None
    query = request.GET.get("q", "").strip() if account_pk else ""
    return found_by(request, target_hits, account_pk, query)


def target_hits(account_pk: int | None, query: str) -> tuple[list[Hit], str, str]:
    """Whom and what the words may mean: with @ people, with # or ~ channels, else both; ids and whole targets stay as
    they are."""
    try:
        spoken = read_target(query)
    except UnreadableTarget:
        spoken = None
    if spoken and (not spoken.needs_asking or spoken.meaning is Meaning.BARE_ID or spoken.team or ":" in query):
        return [Hit(query, shown_target(query) or query, _("as it is written"))], "", ""
    found: list[Hit] = []
    problem = server = ""
    if query[0] not in "#~":
        people, problem, server = people_hits(account_pk, query)
        found += [Hit(f"user:{hit.key}", hit.label, hit.detail) for hit in people[:OF_EACH]]
    if query[0] != "@":
        rooms, problem, server = channel_hits(account_pk, query.lstrip("#~") or query)
        found += [Hit(f"channel:{hit.key}", hit.label, hit.detail) for hit in rooms[:OF_EACH]]
    return found, problem, server
