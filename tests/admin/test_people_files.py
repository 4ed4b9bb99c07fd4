"""Lists of people as files: the filtered list is exported, and an import shows first what it would do."""

from __future__ import annotations

from html import unescape

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import AccessEntry, AccountGrant, AuditEntry, BlockedUser, StaffProfile
from mattermost_bridge.models.states import EntrySource
from mattermost_bridge.services.people_csv import COLUMNS, read
from tests import factories
from tests.admin.conftest import messages_of
from tests.bridge import make_account

ENTRIES = "/mattermost_bridge/accessentry/"
BLOCKS = "/mattermost_bridge/blockeduser/"
IMPORT = f"{ENTRIES}import/"
HEAD = ",".join(COLUMNS)
CAROL, DAVE = "carol".ljust(26, "u"), "dave".ljust(26, "u")


@pytest.fixture
def account(db):
    return make_account("ops")


def exported(client, address: str):
    response = client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content)


def upload(client, *rows: str, content: bytes | None = None, **values):
    data = content if content is not None else "\n".join([HEAD, *rows]).encode()
    return client.post(IMPORT, {"file": SimpleUploadedFile("people.csv", data), **values})


def confirm(client, preview):
    plan = preview.context["plan"]
    values = {"text": preview.context["text"], "fingerprint": plan.fingerprint}
    return client.post(IMPORT, values | ({"replaces": "1"} if plan.replaces else {}), follow=True)


class TestExport:
    def test_the_list_as_it_is_filtered_and_searched(self, as_alice, account):
        factories.AccessEntryFactory(account=account, value=CAROL, username="carol", note="=cmd()")
        factories.AccessEntryFactory(account=account, value=DAVE, username="dave", list="group")
        factories.AccessEntryFactory(account=account, source=EntrySource.PAIRING)
        content = exported(as_alice, f"{ENTRIES}export/?list=dm")
        assert content.startswith(b"\xef\xbb\xbfaccount,list,")
        assert b"'=cmd()" in content
        assert [(line.user_id, line.username) for line in read(content)] == [(CAROL, "carol")]
        assert len(read(exported(as_alice, f"{ENTRIES}export/"))) == 2
        assert len(read(exported(as_alice, f"{ENTRIES}export/?q=dave"))) == 1

    def test_more_than_one_page_is_exported(self, as_alice, account):
        factories.AccessEntryFactory.create_batch(120, account=account)
        assert len(read(exported(as_alice, f"{ENTRIES}export/"))) == 120

    def test_blocked_people(self, as_alice, account):
        factories.BlockedUserFactory(account=None, user_id=CAROL, username="carol", reason="Spam")
        (line,) = read(exported(as_alice, f"{BLOCKS}export/"))
        assert (line.account, line.list, line.user_id, line.note) == ("", "blocked", CAROL, "Spam")

    def test_the_lists_lead_to_their_files_with_their_filters(self, as_alice, account):
        page = unescape(as_alice.get(f"{ENTRIES}?list=dm").content.decode())
        assert f'href="{ENTRIES}export/?list=dm"' in page
        assert f'href="{IMPORT}"' in page
        assert f'href="{IMPORT}"' in as_alice.get(BLOCKS).content.decode()

    def test_who_is_limited_to_accounts_exports_their_people_only(self, as_somebody_who, account):
        other = make_account("other", bot_user_id="o" * 26)
        factories.AccessEntryFactory(account=account, value=CAROL)
        factories.AccessEntryFactory(account=other, value=DAVE)
        client = as_somebody_who("view_accessentry")
        user = User.objects.get(username__startswith="user-")
        StaffProfile.objects.update_or_create(user=user, defaults={"limited": True})
        AccountGrant.objects.create(user=user, account=account)
        assert [line.user_id for line in read(exported(client, f"{ENTRIES}export/"))] == [CAROL]

    def test_charlie_gets_no_file(self, as_charlie, account):
        for address in (f"{ENTRIES}export/", f"{BLOCKS}export/", IMPORT):
            assert as_charlie.get(address).status_code == 403
            assert as_charlie.post(address).status_code == 403


class TestImport:
    def test_a_preview_then_the_import(self, as_alice, alice, account):
        factories.AccessEntryFactory(account=account, value=DAVE, username="dave", note="old")
        preview = upload(as_alice, f"ops,dm,{CAROL},carol,On call,", f"ops,dm,{DAVE},dave,new,", "ops,dm,karol,,,")
        page = preview.content.decode()
        for words in ("@carol is put on the list", "another reason", "no Mattermost user id", ">Import<"):
            assert words in page
        assert AccessEntry.objects.get().note == "old"
        response = confirm(as_alice, preview)
        assert messages_of(response) == ["Imported: 1 added, 1 changed, 0 removed."]
        entry = AccessEntry.objects.get(value=CAROL)
        assert (entry.added_by, entry.note) == (alice, "On call")
        row = AuditEntry.objects.get(verb="access.import")
        assert (row.actor, row.via, row.address) == (alice, "import", "127.0.0.1")

    def test_whom_the_file_lacks_is_removed_only_on_request(self, as_alice, account):
        factories.AccessEntryFactory(account=account, value=DAVE, username="dave")
        confirm(as_alice, upload(as_alice, f"ops,dm,{CAROL},,,"))
        assert AccessEntry.objects.count() == 2
        preview = upload(as_alice, f"ops,dm,{CAROL},,,", replaces="on")
        assert "@dave is taken off the list" in preview.content.decode()
        confirm(as_alice, preview)
        assert AccessEntry.objects.get().value == CAROL

    def test_an_import_that_changes_nothing_offers_no_button(self, as_alice, account):
        page = upload(as_alice, "ops,friends,x,,,").content.decode()
        assert "Nothing would change" in page
        assert ">Import<" not in page

    def test_what_changed_meanwhile_is_shown_anew(self, as_alice, account):
        preview = upload(as_alice, f"ops,dm,{CAROL},,,", f"ops,dm,{DAVE},,,")
        factories.AccessEntryFactory(account=account, value=DAVE)
        again = confirm(as_alice, preview)
        assert "changed meanwhile" in messages_of(again)[0]
        assert AccessEntry.objects.count() == 1
        confirm(as_alice, again)
        assert AccessEntry.objects.count() == 2

    def test_what_was_altered_between_the_two_pages_is_not_done(self, as_alice, account):
        preview = upload(as_alice, f"ops,dm,{CAROL},,,")
        values = {"text": f"{HEAD}\nops,dm,*,,,", "fingerprint": preview.context["plan"].fingerprint}
        as_alice.post(IMPORT, values)
        assert not AccessEntry.objects.exists()

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "empty"),
            (b"hello", "names the column"),
            ("list,user_id,note\ndm,x,für".encode("latin-1"), "Line 2 is not UTF-8"),
            (b"x" * 1_100_000, "larger than 1024 KiB"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_said_on_the_form(self, as_alice, account, content, sentence):
        assert sentence in upload(as_alice, content=content).content.decode()

    def test_a_large_file_comes_through_both_pages(self, as_alice, account):
        rows = [f"ops,dm,{f'u{number}'.ljust(26, 'x')},,{'ü' * 190},2030-01-01" for number in range(1200)]
        preview = upload(as_alice, *rows)
        page = preview.content.decode()
        assert "700 more lines are not shown" in page
        again = as_alice.post(IMPORT, {"text": preview.context["text"], "fingerprint": "another"})
        assert again.context["plan"].counts["added"] == 1200

    def test_names_are_looked_up_on_the_account_s_server(self, as_alice, sandbox):
        make_account(
            "here", base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
        )
        confirm(as_alice, upload(as_alice, "here,dm,,carol,,", "here,blocked,,@dave,Spam,"))
        close_clients()
        assert AccessEntry.objects.get().value == sandbox.user_id("carol")
        assert BlockedUser.objects.get().user_id == sandbox.user_id("dave")

    def test_lines_that_somebody_may_not_carry_out_are_refused(self, as_somebody_who, account):
        client = as_somebody_who("add_accessentry", "view_accessentry")
        preview = upload(client, f"ops,dm,{CAROL},,,", f"ops,blocked,{DAVE},,,")
        assert preview.context["plan"].counts["refused"] == 1
        confirm(client, preview)
        assert AccessEntry.objects.exists()
        assert not BlockedUser.objects.exists()
