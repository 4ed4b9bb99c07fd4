"""People are imported from a file: every line says what it would do, and what was shown is what is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import AccessEntry, Account, AuditEntry, BlockedUser
from mattermost_bridge.services import access, access_groups, accounts, people_import
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded, Refused
from mattermost_bridge.services.people_csv import read, row_of_block, row_of_entry, written
from mattermost_bridge.services.people_plan import plan
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
CAROL, DAVE, ERIN = ("carol".ljust(26, "u"), "dave".ljust(26, "u"), "erin".ljust(26, "u"))
HEAD = "account,list,user_id,username,note,expires\n"


def everything(permission, account):
    return True


@pytest.fixture
def ops():
    return make_account("ops")


def lines(*rows: str, head: str = HEAD):
    return read((head + "\n".join(rows)).encode())


def steps(*rows: str, may=everything, replaces=False, head: str = HEAD):
    return [
        (each.step.value, each.sentence) for each in plan(lines(*rows, head=head), replaces=replaces, may=may).steps
    ]


def take(*rows: str, may=everything, replaces=False, head: str = HEAD):
    found = lines(*rows, head=head)
    shown = plan(found, replaces=replaces, may=may)
    return people_import.carry_out(found, replaces=replaces, may=may, fingerprint=shown.fingerprint, actor=ALICE)


def test_every_list_takes_people(ops):
    access_groups.create(actor=ALICE, name="night")
    take(
        f"ops,dm,{CAROL},carol,on call,2030-01-01",
        "ops,group,*,,,",
        "ops,group,accessGroup:Night,,,",
        f",dm,{DAVE},dave,,",
        f"ops,blocked,{ERIN},erin,spam,",
        f",blocked,{DAVE},dave,,",
    )
    rows = set(AccessEntry.objects.values_list("account__account_id", "list", "value", "username", "note"))
    assert rows == {
        ("ops", "dm", CAROL, "carol", "on call"),
        ("ops", "group", "*", "", ""),
        ("ops", "group", "accessGroup:night", "", ""),
        (None, "dm", DAVE, "dave", ""),
    }
    assert set(BlockedUser.objects.values_list("account__account_id", "user_id", "reason")) == {
        ("ops", ERIN, "spam"),
        (None, DAVE, ""),
    }
    assert Account.objects.get().own_allow_from
    last = AuditEntry.objects.first()
    assert (last.verb, last.details["added"], last.actor_name) == ("access.import", 6, "alice")
    assert AuditEntry.objects.filter(verb="access.add").count() == 4


def test_each_line_says_what_it_would_do(ops):
    access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL, username="carol", note="old")
    access.block(actor=ALICE, account=ops, user_id=ERIN, username="erin")
    found = steps(
        f"ops,dm,{CAROL},carol,new,2030-01-01 18:00",
        f"ops,dm,{DAVE},dave,,",
        f"ops,blocked,{ERIN},erin,x,",
        f"ops,dm,{CAROL},carol,,",
    )
    assert found == [
        (
            "changed",
            "@carol, on the list “Direct messages” of the account ops: another reason, until 2030-01-01 18:00.",
        ),
        ("added", "@dave is put on the list “Direct messages” of the account ops."),
        ("same", "@erin is blocked for the account ops already."),
        ("refused", "The same person stands on line 2 already."),
    ]
    assert AccessEntry.objects.get().note == "old"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"nowhere,dm,{CAROL},,,", "There is no account nowhere"),
        (f"ops,friends,{CAROL},,,", "'friends' does not exist. It is one of dm, group, blocked."),
        ("ops,dm,carol,,,", "no Mattermost user id"),
        ("ops,dm,,,,", "Enter a Mattermost user id"),
        ("ops,dm,accessGroup:gone,,,", "no access group 'gone'"),
        ("ops,blocked,*,,,", "26 small letters"),
        (f"ops,blocked,{CAROL},,,2030-01-01", "A block has no end"),
        (f"ops,dm,{CAROL},,,tomorrow", "'tomorrow' is no time"),
        (f"ops,dm,{CAROL},,,2020-01-01", "must lie in the future"),
    ],
)
def test_a_line_that_cannot_be_is_refused_and_the_others_go_on(ops, row, sentence):
    (refused, added) = steps(row, f"ops,dm,{DAVE},,,")
    assert refused[0] == "refused"
    assert sentence in refused[1]
    assert added[0] == "added"
    take(row, f"ops,dm,{DAVE},,,")
    assert AccessEntry.objects.get().value == DAVE


def test_an_archived_account_takes_nobody(ops):
    Account.objects.update(archived_at=timezone.now())
    assert "archived" in steps(f"ops,dm,{CAROL},,,")[0][1]


def test_columns_that_the_file_lacks_change_nothing(ops):
    end = timezone.now() + timedelta(days=9)
    access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL, note="old", expires_at=end)
    assert steps(f"ops,dm,{CAROL}", head="account,list,user_id\n")[0][0] == "same"
    assert steps(f"ops,dm,{CAROL},,", head="account,list,user_id,note,expires\n")[0][0] == "changed"


def test_an_export_imports_without_a_change(ops):
    ended = access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL, username="carol", note="=1")
    AccessEntry.objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(days=3))
    access.add_entry(actor=ALICE, account=None, list="group", value="*", expires_at=timezone.now() + timedelta(days=3))
    access.block(actor=ALICE, account=None, user_id=ERIN, username="erin", reason="spam")
    rows = [row_of_entry(entry) for entry in AccessEntry.objects.all()]
    rows += [row_of_block(blocked) for blocked in BlockedUser.objects.all()]
    found = plan(read("".join(written(rows)).encode()), replaces=True, may=everything)
    assert {each.step.value for each in found.steps} == {"same"}
    assert found.obstacle == "Nothing would change."


class TestReplacing:
    def test_whom_the_file_lacks_is_taken_off_the_lists_that_it_names(self, ops):
        for who in (CAROL, DAVE):
            access.add_entry(actor=ALICE, account=ops, list="dm", value=who)
            access.add_entry(actor=ALICE, account=ops, list="group", value=who)
        access.block(actor=ALICE, account=ops, user_id=ERIN)
        AccessEntry.objects.create(account=ops, value=ERIN, source="pairing")
        take(f"ops,dm,{CAROL},,,", replaces=True)
        left = set(AccessEntry.objects.values_list("list", "value", "source"))
        assert left == {
            ("dm", CAROL, "panel"),
            ("dm", ERIN, "pairing"),
            ("group", CAROL, "panel"),
            ("group", DAVE, "panel"),
        }
        assert BlockedUser.objects.exists()

    def test_blocked_people_are_unblocked_only_by_a_file_that_names_that_list(self, ops):
        access.block(actor=ALICE, account=ops, user_id=ERIN)
        take(f"ops,blocked,{DAVE},dave,,", replaces=True)
        assert [each.user_id for each in BlockedUser.objects.all()] == [DAVE]

    def test_a_refused_line_stops_a_replacing_import(self, ops):
        access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL)
        with pytest.raises(Refused, match="nobody loses a right by a misprint"):
            take("ops,dm,karol,,,", f"ops,dm,{DAVE},,,", replaces=True)
        assert AccessEntry.objects.get().value == CAROL

    def test_everybody_can_be_replaced_while_direct_messages_are_open(self, ops):
        access.add_entry(actor=ALICE, account=ops, list="dm", value="*")
        accounts.update(ops.pk, actor=ALICE, dm_policy="open")
        with pytest.raises(Refused, match=r"to include \"\*\""):
            take(f"ops,dm,{CAROL},,,", replaces=True)
        assert AccessEntry.objects.get().value == "*"


class TestAsOneChange:
    def test_what_changed_since_the_preview_is_shown_again(self, ops):
        found = lines(f"ops,dm,{CAROL},,,")
        shown = plan(found, replaces=False, may=everything)
        access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL)
        with pytest.raises(ConfirmationNeeded, match="changed meanwhile"):
            people_import.carry_out(found, replaces=False, may=everything, fingerprint=shown.fingerprint, actor=ALICE)

    def test_nothing_is_done_when_one_step_fails(self, ops, monkeypatch):
        def fail(**values):
            raise Refused("Not now")

        monkeypatch.setattr(access, "block", fail)
        with pytest.raises(Refused, match="Not now"):
            take(f"ops,dm,{CAROL},,,", f"ops,blocked,{DAVE},,,")
        assert not AccessEntry.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_an_import_that_changes_nothing_says_so(self, ops):
        with pytest.raises(Refused, match="Nothing would change"):
            take("ops,friends,x,,,")


class TestRights:
    def only(self, *permissions, account="ops"):
        return lambda permission, owner: permission in permissions and owner is not None and owner.account_id == account

    def test_who_may_not_change_a_list_is_told_and_learns_of_no_account(self, ops):
        make_account("secret", bot_user_id="s" * 26)
        may = self.only("add_accessentry")
        found = steps(
            f"ops,dm,{CAROL},,,", f",dm,{CAROL},,,", f"secret,dm,{CAROL},,,", f"ops,blocked,{CAROL},,,", may=may
        )
        assert [step for step, _sentence in found] == ["added", "refused", "refused", "refused"]
        assert "may not change this list of the defaults" in found[1][1]
        assert found[2][1] == "There is no account secret that you may change."
        assert "may not change this list of the account ops" in found[3][1]

    def test_changing_and_removing_need_their_own_rights(self, ops):
        access.add_entry(actor=ALICE, account=ops, list="dm", value=CAROL, username="carol", note="old")
        found = steps(f"ops,dm,{CAROL},,new,", may=self.only("add_accessentry"))
        assert "may not change entries" in found[0][1]
        found = steps(f"ops,dm,{DAVE},,,", may=self.only("add_accessentry"), replaces=True)
        assert found[1] == ("refused", "@carol stays: you may not remove entries of the account ops.")


class TestNames:
    @pytest.fixture(autouse=True)
    def _nothing_is_remembered(self):
        cache.clear()
        yield
        close_clients()

    @pytest.fixture
    def here(self, sandbox):
        return make_account(
            "ops", base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
        )

    def test_people_named_by_username_get_their_ids_from_the_server(self, here, sandbox):
        found, problems = people_import.with_ids(
            lines("ops,dm,,@Carol,,", "ops,dm,,nosuch,,", f"ops,dm,{DAVE},somebody,,"), may=everything
        )
        assert [line.user_id for line in found] == [sandbox.user_id("carol"), "", DAVE]
        assert problems == {3: "Nobody is called @nosuch on the server."}
        steps = plan(found, replaces=False, may=everything, problems=problems).steps
        assert [step.step.value for step in steps] == ["added", "refused", "added"]
        assert steps[1].sentence == problems[3]

    def test_a_server_that_does_not_answer_refuses_its_lines_only(self, here, sandbox):
        sandbox.revoke("durar")
        found, problems = people_import.with_ids(lines("ops,dm,,carol,,", f"ops,dm,{DAVE},,,"), may=everything)
        sandbox.restore("durar")
        assert "refuses the bot token" in problems[2]
        assert [line.user_id for line in found] == ["", DAVE]

    def test_a_server_of_an_account_that_one_may_not_change_is_not_asked(self, here, sandbox):
        found, problems = people_import.with_ids(lines("ops,dm,,carol,,"), may=lambda permission, account: False)
        assert (found[0].user_id, problems) == ("", {})
        assert sandbox.requests(path="usernames") == []
