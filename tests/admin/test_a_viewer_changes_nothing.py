"""A viewer may open everything but users, is shown no pairing code, and changes nothing by whatever they send."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin

from mattermost_bridge.admin import looks
from mattermost_bridge.models import PairingRequest
from mattermost_bridge.models.states import DeliveryKind
from tests import factories
from tests.admin.addresses import all_addresses as addresses
from tests.admin.conftest import signed_in

#: What belongs to themselves: signing out, their own password, their own sessions.
THEIR_OWN = ("/logout/", "/login/", "/password_change/", "/me/sessions/end/")


@pytest.fixture
def as_vera(people):
    """The browser of a viewer without limit."""
    return signed_in(people("vera", "viewer"))


def everything() -> dict[str, list[Any]]:
    """Every row that the panel shows, but what the sign-in guard keeps."""
    kept = [model for model in admin.site._registry if model._meta.app_label != "axes"]
    return {model._meta.model_name: list(model._default_manager.order_by("pk").values()) for model in kept}


def test_nothing_that_a_viewer_sends_changes_anything(as_vera, records):
    before = everything()
    sent = 0
    for address in addresses(records):
        if address in THEIR_OWN:
            continue
        response = as_vera.post(address, _a_form_of(records) | {"confirmed": "1", "post": "yes"})
        # 200 is a search or a list, which look the same after a POST that does nothing.
        assert response.status_code in (200, 302, 403, 404, 405), f"{address} answered {response.status_code}"
        sent += 1
    assert sent > 100
    assert everything() == before


def test_no_bulk_action_of_a_viewer_changes_anything(as_vera, records):
    before = everything()
    for model, one in admin.site._registry.items():
        for name in [verb.name for verb in getattr(one, "verbs", ())] + ["delete_selected"]:
            words = {"action": name, "_selected_action": [records[model._meta.model_name].pk], "confirmed": "1"}
            as_vera.post(looks.list_of(model), words | {"post": "yes"})
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


def test_a_viewer_opens_the_list_and_page_of_everything_but_users(as_vera, records):
    of_users = ("user", "group", "accessattempt", "accesslog", "accessfailurelog")
    for model in admin.site._registry:
        expected = 403 if model._meta.model_name in of_users else 200
        for address in (looks.list_of(model), looks.page_of(records[model._meta.model_name])):
            response = as_vera.get(address, follow=True)
            assert response.status_code == expected, f"{address} answered {response.status_code}"
            assert 'formaction="/mattermost_bridge' not in response.content.decode(), address


def test_no_page_shows_a_viewer_a_pairing_code(as_vera, records):
    request = records["pairingrequest"]
    factories.DeliveryFactory(account=request.account, kind=DeliveryKind.CHALLENGE, text=f"Your code: {request.code}")
    opened = 0
    for address in addresses(records):
        if address == "/logout/":
            continue
        response = as_vera.get(address, follow=True)
        assert request.code not in b"".join(response).decode(), address
        opened += response.status_code == 200
    found = as_vera.get("/mattermost_bridge/pairingrequest/", {"q": request.code, "state": "all"}).context["cl"]
    assert found.result_count == 0, "a code that can be searched for can be guessed"
    assert opened > 40
    assert PairingRequest.objects.filter(code=request.code).exists()
