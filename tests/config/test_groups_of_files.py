"""`groups` and `accessGroups` in configuration files: what is refused, what is noted, what an import makes of them."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import exporter
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.config.schema import parse
from mattermost_bridge.config.wanted import Entry, Group
from mattermost_bridge.models import AccessGroup, AccessGroupMember, Account, GroupOverride
from mattermost_bridge.rules.types import GroupRule
from tests.config.files import CAROL, DAVE, section, take

CHANNEL = "channel1".ljust(26, "x")


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text)
    return "\n".join(error.value.problems)


def sets(body: str) -> str:
    return f'{{ channels: {{ mattermost: {{ allowFrom: ["accessGroup:ops"] }} }}, accessGroups: {{ {body} }} }}'


def senders(members: str, more: str = "") -> str:
    return sets(f'ops: {{ type: "message.senders", members: {members} {more} }}')


class TestReading:
    def test_entries_of_groups_say_whether_a_mention_is_needed(self):
        body = f'"{CHANNEL}": {{ requireMention: false }}, "*": {{ requireMention: true }}, " open ": {{}}'
        wanted = parse(section(f"groups: {{ {body} }}, accounts: {{ a: {{ groups: {{}} }}, b: {{}} }}"))
        assert wanted.section.groups == (
            Group(CHANNEL, {"require_mention": False}),
            Group("*", {"require_mention": True}),
            Group("open"),
        )
        assert (wanted.accounts["a"].groups, wanted.accounts["b"].groups) == ((), None)
        assert any("is no channel id" in note for note in wanted.notes)

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            ("groups: []", "must be an object"),
            ("groups: { '*': { requireMentions: true } }", "Is requireMention meant?"),
            ("groups: { '*': { requireMention: 'no' } }", "must be true or false"),
            ("groups: { '': {} }", "must be a channel id or *"),
            (f"groups: {{ '{'x' * 65}': {{}} }}", "64 characters at most"),
            ("groups: { '*': {}, ' * ': {} }", "the same channel"),
        ],
    )
    def test_problems_of_groups_have_their_place(self, body, sentence):
        assert sentence in problems(section(body))

    def test_people_of_every_kind_of_bridge_and_of_mattermost_are_in_a_group(self):
        text = senders(f'{{ "*": ["{CAROL}"], mattermost: ["user:{DAVE.upper()}", "{CAROL}"], discord: ["1"] }}')
        wanted = parse(text)
        assert wanted.access_groups == {"ops": (Entry(CAROL), Entry(DAVE))}
        assert any("discord" in note and "is not used" in note for note in wanted.notes)

    def test_an_end_stands_in_durar_s_own_key(self):
        until = f'durar: {{ until: {{ "{CAROL}": "2030-01-01T00:00:00Z" }} }}'
        (entry,) = parse(senders(f'{{ mattermost: ["{CAROL}"] }},', until)).access_groups["ops"]
        assert entry.until.year == 2030

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (sets("ops: { members: {} }"), "Write type"),
            (sets("'a:b': { type: 'message.senders' }"), "is no name for a group"),
            (sets("ops: { type: 'message.senders' }, OPS: { type: 'message.senders' }"), "capital letters"),
            (senders("{ telegramm: [] }"), "Is telegram meant?"),
            (senders("{ mattermost: [true] }"), "a text or a number"),
            (senders("{ mattermost: [] },", "durar: { until: { nobody: '2030-01-01' } }"), "names nobody"),
            (senders("{},", "durar: { note: 'x' }"), "this key does not exist"),
        ],
    )
    def test_problems_of_access_groups_have_their_place(self, text, sentence):
        assert sentence in problems(text)
        assert "accessGroups" in problems(text)

    def test_what_matches_nobody_is_noted(self):
        notes = " ".join(parse(senders('{ mattermost: ["@carol", " "] }')).notes)
        assert "'@carol' is no user id" in notes
        assert "is blank" in notes
        assert "names the access group ops, which the file lacks" in " ".join(parse(sets("")).notes)
        other = parse(sets("ops: { type: 'discord.channelAudience' }"))
        assert other.access_groups == {}
        assert any("concerns other parts" in note for note in other.notes)


@pytest.mark.django_db
class TestImporting:
    def the(self, account_id="a"):
        return settings_for(Account.objects.get(account_id=account_id).pk).policy

    def test_groups_of_an_account_replace_those_of_the_section(self):
        own = f"{{ groups: {{ '{CHANNEL}': {{ requireMention: true }} }} }}"
        text = f"groups: {{ '*': {{ requireMention: false }} }}, accounts: {{ a: {own}, b: {{}} }}"
        take(section(text))
        assert self.the("a").groups == (GroupRule(CHANNEL, True),)
        assert self.the("b").groups == (GroupRule("*", False),)

    def test_an_import_says_what_it_changes_and_an_entry_that_stays_keeps_its_name(self):
        take(section(f"groups: {{ '{CHANNEL}': {{ requireMention: true }}, '*': {{}} }}"))
        GroupOverride.objects.filter(channel_id=CHANNEL).update(channel_name="Support", note="asked for")
        lines = take(section(f"groups: {{ '{CHANNEL}': {{ requireMention: false }} }}")).changes.lines
        assert lines == [
            f"~ defaults: groups[{CHANNEL} (~Support)].requireMention: yes → no",
            "- defaults: groups[*]: nothing of its own",
        ]
        assert GroupOverride.objects.get().note == "asked for"
        assert take(section("")).changes.lines == [
            "- defaults: groups, the whole map",
            f"- defaults: groups[{CHANNEL} (~Support)]: requireMention false",
        ]

    def test_access_groups_are_made_changed_and_removed(self, alice):
        lines = take(senders(f'{{ mattermost: ["{CAROL}"] }}')).changes.lines
        assert "+ access group ops: a new group" in lines
        assert f"+ access group ops: {CAROL}" in lines
        AccessGroupMember.objects.update(added_by=alice, username="carol", note="on call")
        text = sets(f'Ops: {{ type: "message.senders", members: {{ mattermost: ["{CAROL}", "{DAVE}"] }} }}')
        lines = take(text).changes.lines
        assert lines == ["~ access group Ops: name: ops → Ops", f"+ access group Ops: {DAVE}"]
        assert AccessGroupMember.objects.get(user_id=CAROL).note == "on call"
        assert "- access group Ops: the whole group" in take(section("")).changes.lines
        assert not AccessGroup.objects.exists()

    def test_an_export_of_both_imports_without_a_change(self):
        take(senders(f'{{ "*": ["{CAROL}"] }}'))
        content = exporter.content()
        assert content["accessGroups"] == {"ops": {"type": "message.senders", "members": {"mattermost": [CAROL]}}}
        assert take(exporter.export()).changes.lines == []
