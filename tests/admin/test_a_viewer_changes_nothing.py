"""A viewer may open everything but users, is shown no pairing code, and changes nothing by whatever they send."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User

from mattermost_bridge.admin import looks
from mattermost_bridge.models import PairingRequest
from mattermost_bridge.models.states import DeliveryKind
from tests import factories
from tests.admin.addresses import all_addresses as addresses
from tests.admin.conftest import everything, signed_in

pytestmark = pytest.mark.usefixtures("plain_errors")

#: What belongs to themselves: signing out, their own password, their own sessions.
THEIR_OWN = ("/logout/", "/login/", "/password_change/", "/me/sessions/end/")
#: What a viewer may not see.
OF_USERS = ("user", "group", "accessattempt", "accesslog", "accessfailurelog")


@pytest.fixture
def vera(people):
    """A viewer without limit."""
    return people("vera", "viewer")


@pytest.fixture
def as_vera(vera):
    """Her browser."""
    return signed_in(vera)


@pytest.fixture
def as_one_who_sees_all(vera):
    """The browser of a viewer who may also look at users, as nobody's role has it."""
    vera.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{kind}" for kind in OF_USERS]))
    return signed_in(User.objects.get(pk=vera.pk))


def test_nothing_that_who_may_only_look_sends_changes_anything(as_one_who_sees_all, records):
    before = everything()
    sent = 0
    for address in addresses(records):
        if address in THEIR_OWN:
            continue
        response = as_one_who_sees_all.post(address, _a_form_of(records) | {"confirmed": "1", "post": "yes"})
        if "/do/" in address or address.endswith(("/test/", "/try/", "/check/", "/add/", "/import/", "/send/")):
            expected: tuple[int, ...] = (403,)
        else:
            # 200 is a search or a list, which look the same after a POST that does nothing.
            expected = (200, 302, 403, 404, 405)
        assert response.status_code in expected, f"{address} answered {response.status_code}"
        sent += 1
    for model, one in admin.site._registry.items():
        for name in [verb.name for verb in getattr(one, "verbs", ())] + ["delete_selected"]:
            words = {"action": name, "_selected_action": [records[model._meta.model_name].pk], "confirmed": "1"}
            as_one_who_sees_all.post(looks.list_of(model), words | {"post": "yes"})
            sent += 1
    assert sent > 250
    assert everything() == before


def _a_form_of(records: dict[str, Any]) -> dict[str, Any]:
    """Values that forms of every kind would take."""
    return {
        "account": records["account"].pk, "list": "dm", "value": "n".ljust(26, "x"), "user_id": "n".ljust(26, "x"),
        "channel_id": "n".ljust(26, "x"), "target": "user:" + "n".ljust(26, "x"), "text": "hello", "name": "New",
        "enabled": "on", "once": "1", "account_id": "new", "slug": "new", "backend": "echo", "history_messages": "1",
        "total_time": "9", "agent": "", "note": "New", "group": records["accessgroup"].pk, "require_mention": "true",
        "username": "new", "role": "administrator",
    }  # fmt: skip


def test_a_viewer_opens_everything_but_users_and_is_shown_no_button_and_no_code(as_vera, records):
    request = records["pairingrequest"]
    factories.DeliveryFactory(account=request.account, kind=DeliveryKind.CHALLENGE, text=f"Your code: {request.code}")
    open_to_her = {
        address
        for model in admin.site._registry
        if model._meta.model_name not in OF_USERS
        for address in (looks.list_of(model), looks.page_of(records[model._meta.model_name]))
    }
    opened = set()
    for address in addresses(records):
        if address == "/logout/":
            continue
        response = as_vera.get(address, follow=True)
        page = b"".join(response).decode()
        assert request.code not in page, address
        assert 'formaction="/mattermost_bridge' not in page, address
        assert "du-button-danger" not in page or address == "/me/", address
        if response.status_code == 200:
            opened.add(address)
            assert address.split("/")[1] not in ("auth", "axes"), address
    assert open_to_her <= opened
    found = as_vera.get("/mattermost_bridge/pairingrequest/", {"q": request.code, "state": "all"}).context["cl"]
    assert found.result_count == 0, "a code that can be searched for can be guessed"
    assert PairingRequest.objects.filter(code=request.code).exists()
