"""Configuration files in the panel: a preview that changes nothing, the import, and no secret on any page."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, AuditEntry, BlockedUser, BridgeDefaults
from tests.admin.conftest import messages_of
from tests.config.files import ONE, section

pytestmark = pytest.mark.django_db
IMPORT = "/mattermost_bridge/bridgedefaults/import/"
EXPORT = "/mattermost_bridge/bridgedefaults/export/"


def preview(client, text: str):
    return client.post(IMPORT, {"text": text})


def carry_out(client, shown):
    sent = {"sealed": shown.context["sealed"], "fingerprint": shown.context["fingerprint"]}
    return client.post(IMPORT, sent)


def test_a_pasted_file_is_shown_first_and_then_imported(as_alice):
    shown = preview(as_alice, ONE)
    page = shown.content.decode()
    assert "account default: address inherited" in page
    assert "mm-token" not in page
    assert not Account.objects.exists()
    done = carry_out(as_alice, shown)
    assert "Imported: " in " ".join(messages_of(as_alice.get(done["Location"])))
    assert settings_for(Account.objects.get().pk).token == "mm-token"
    entry = AuditEntry.objects.get(verb="config.import")
    assert (entry.actor_name, entry.via) == ("alice", "import")


def test_a_file_is_uploaded_and_removals_stand_first(as_alice):
    carry_out(as_alice, preview(as_alice, ONE))
    BlockedUser.objects.create(user_id="m" * 26)
    file = SimpleUploadedFile("durar.json5", section('chatmode: "onchar", accounts: {}').encode())
    shown = as_alice.post(IMPORT, {"file": file})
    first, *_rest = shown.context["rows"]
    assert "Removed" in first[0]
    assert any("archived, since the file does not name it" in words for _badge, words in shown.context["rows"])
    carry_out(as_alice, shown)
    assert Account.objects.get().is_archived
    assert BridgeDefaults.objects.get().chatmode == "onchar"
    assert BlockedUser.objects.exists()


def test_problems_are_said_with_their_place_and_the_text_does_not_come_back(as_alice):
    page = preview(as_alice, section('botToken: "very-secret", chatmode: "always"')).content.decode()
    assert "channels.mattermost.chatmode (line 1, column" in page
    assert "very-secret" not in page
    both = {"text": "very-secret", "file": SimpleUploadedFile("a.json5", b"{}")}
    assert "very-secret" not in as_alice.post(IMPORT, both).content.decode()
    assert "one of the two" in as_alice.post(IMPORT, {}).content.decode()
    assert "not text in UTF-8" in as_alice.post(IMPORT, {"file": SimpleUploadedFile("a", b"\xff")}).content.decode()


def test_what_somebody_else_changed_meanwhile_is_shown_before_it_is_overwritten(as_alice):
    BridgeDefaults.objects.get_or_create(pk=1)
    shown = preview(as_alice, section('chatmode: "onchar"'))
    BridgeDefaults.objects.update(chatmode="oncall")
    again = carry_out(as_alice, shown)
    assert "Look at it again" in " ".join(messages_of(again))
    assert BridgeDefaults.objects.get().chatmode == "oncall"
    carry_out(as_alice, again)
    assert BridgeDefaults.objects.get().chatmode == "onchar"


def test_a_preview_is_for_whoever_saw_it(as_alice, django_user_model):
    from tests.admin.conftest import signed_in

    shown = preview(as_alice, ONE)
    other = signed_in(django_user_model.objects.create_superuser("root", password="root-password-1"))
    done = carry_out(other, shown)
    assert "too old" in " ".join(messages_of(other.get(done["Location"])))
    assert carry_out(as_alice, shown)["Location"] != IMPORT
    for broken in ("", "v1:nonsense", "nonsense"):
        assert as_alice.post(IMPORT, {"sealed": broken})["Location"] == IMPORT


def test_the_export_is_a_file_without_secrets(as_alice):
    carry_out(as_alice, preview(as_alice, ONE))
    response = as_alice.get(EXPORT)
    assert ".json5" in response["Content-Disposition"]
    text = response.content.decode()
    assert "mm-token" not in text
    assert preview(as_alice, text).context["rows"] == []


def test_only_administrators_without_a_limit_may(as_somebody_who, as_charlie):
    nearly = as_somebody_who("change_bridgedefaults", "view_bridgedefaults", "change_account")
    for client in (nearly, as_charlie):
        for address in (IMPORT, EXPORT):
            assert client.get(address).status_code in (302, 403)
        assert client.post(IMPORT, {"text": ONE}).status_code in (302, 403)
    assert not Account.objects.exists()
