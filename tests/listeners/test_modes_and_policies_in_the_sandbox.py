"""The whole way over a real server's HTTP and WebSocket: when a bot answers, whom, where, and as whom.

The listener runs as it does in a worker; what it hears is decided, answered by *echo* and posted from the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    BlockedUser,
    BridgeDefaults,
    Conversation,
    Delivery,
    GroupOverride,
    InboundEvent,
)
from mattermost_bridge.models.states import EntrySource, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.sandbox.testing import SandboxProcess, wait_for
from tests.bridge import Hints, make_account
from tests.listeners.conftest import bot_account, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]
_numbers = count(1)
BOT = "durar"


@dataclass(frozen=True)
class Said:
    """A post of a person, with a word that no other text has."""

    post: dict
    word: str
    where: str
    server: SandboxProcess

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Who answered it in its channel, and in which thread."""
        posts = self.server.posts(self.post["channel_id"])
        theirs = [post for post in posts if self.word in post["message"].split() and post["id"] != self.post["id"]]
        return [(post["user_id"], post["root_id"]) for post in theirs]


class People:
    """Posts as people make them, and the wait until nothing is left to do about them."""

    def __init__(self, sandbox: SandboxProcess, hints: Hints) -> None:
        self.sandbox, self.hints = sandbox, hints

    def say(self, who: str, to: str, text: str, *, root: str = "", server: SandboxProcess | None = None) -> Said:
        word = f"word{next(_numbers)}"
        server = server or self.sandbox
        post = server.post(who, to, text.replace("WORD", word), root_id=root)
        return Said(post, word, to, server)

    def settle(self, *accounts: Account, said: list[Said]) -> None:
        """Until each account has heard every post that is for it to hear, and all is decided, answered and posted."""
        ids = {one.post["id"] for one in said}

        def done() -> bool:
            self.hints.run()
            heard = InboundEvent.objects.filter(post_id__in=ids, kind="post")
            open_ones = InboundEvent.objects.filter(state__in=[EventState.NEW, EventState.HELD, EventState.WAITING])
            answered = not InboundEvent.objects.filter(state=EventState.DECIDED, outcome="admitted").exists()
            sent = not Delivery.objects.filter(state__in=["queued", "sending"]).exists()
            return heard.count() >= len(ids) and not open_ones.exists() and answered and sent

        wait_for(done, what="every post to be decided and answered")


@pytest.fixture
def people(sandbox, hints) -> Iterator[People]:
    yield People(sandbox, hints)
    close_clients()


def opened(sandbox: SandboxProcess, bot: str = BOT, account_id: str = "", **values) -> Account:
    """An account that everybody may ask."""
    values = {"dm_policy": "open", "group_policy": "open", "own_allow_from": True, **values}
    known = {"base_url": sandbox.base_url, "bot_token": sandbox.token(bot), "bot_user_id": "", "bot_username": ""}
    account = make_account(account_id or bot, **known, **values)
    AccessEntry.objects.create(account=account, list="dm", value="*")
    effective.bump_version()
    return account


def change(account: Account, **values) -> None:
    Account.objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def private_and_group(sandbox: SandboxProcess) -> tuple[str, str]:
    """The ids of a private channel and a group message with Carol and the bot."""
    sandbox.create_channel("alice", "secret", private=True)
    for name in ("carol", BOT):
        sandbox.add_member("alice", "secret", name)
    members = [sandbox.user_id("bob"), sandbox.user_id("carol"), sandbox.user_id(BOT)]
    group = sandbox.api("carol", "POST", "/channels/group", members)
    return sandbox.channel_id("secret"), group["id"]


PLAIN, MENTIONED, PREFIXED = "WORD please", f"@{BOT} WORD please", "> WORD please"
ANSWERED = {
    "oncall": {MENTIONED},
    "onmessage": {PLAIN, MENTIONED, PREFIXED},
    "onchar": {MENTIONED, PREFIXED},
}


def test_each_chat_mode_in_each_kind_of_channel(sandbox, start_host, people):
    account = opened(sandbox)
    start_host()
    until_phase(account, "ready")
    private, group = private_and_group(sandbox)
    wrong = []
    for mode, answered in ANSWERED.items():
        change(account, chatmode=mode)
        root = people.say("bob", "support", "nothing for a bot WORD" if mode != "onmessage" else "a question WORD")
        places = {"open": ("support", ""), "private": (private, ""), "group message": (group, "")}
        places |= {"direct": (f"@{BOT}", ""), "thread": ("support", root.post["id"])}
        said = {
            (place, text): people.say("carol", to, text, root=thread)
            for place, (to, thread) in places.items()
            for text in (PLAIN, PREFIXED, MENTIONED)
        }
        people.settle(account, said=[root, *said.values()])
        for (place, text), one in said.items():
            thread = places[place][1]
            expected = [(sandbox.user_id(BOT), thread)] if place == "direct" or text in answered else []
            if one.answers != expected:
                wrong.append(f"{mode}, {place}, {text!r}: {one.answers} instead of {expected}")
    assert not wrong, "\n".join(wrong)


def test_a_thread_in_which_the_bot_answered_goes_on_without_a_mention(sandbox, start_host, people):
    account = opened(sandbox)
    start_host()
    until_phase(account, "ready")
    root = people.say("bob", "support", "WORD is broken")
    asked = people.say("carol", "support", MENTIONED, root=root.post["id"])
    people.settle(account, said=[root, asked])
    followed = people.say("carol", "support", "and WORD too", root=root.post["id"])
    beside = people.say("carol", "support", "and WORD too")
    people.settle(account, said=[followed, beside])
    assert followed.answers == [(sandbox.user_id(BOT), root.post["id"])]
    assert beside.answers == []


#: Who they are: on the list, on none, with an approved pairing, blocked.
LISTED, UNLISTED, PAIRED, BLOCKED = "alice", "bob", "carol", "dave"
DIRECT = {
    "pairing": (Reason.ADMITTED_DM_LISTED, Reason.PAIRING_REQUIRED, Reason.ADMITTED_DM_PAIRED, Reason.BLOCKED),
    "allowlist": (Reason.ADMITTED_DM_LISTED, Reason.DM_NOT_LISTED, Reason.DM_NOT_LISTED, Reason.BLOCKED),
    "open": (Reason.ADMITTED_DM_OPEN, Reason.DM_NOT_LISTED, Reason.DM_NOT_LISTED, Reason.BLOCKED),
    "open with *": (Reason.ADMITTED_DM_OPEN, Reason.ADMITTED_DM_OPEN, Reason.ADMITTED_DM_OPEN, Reason.BLOCKED),
    "disabled": (Reason.DM_DISABLED, Reason.DM_DISABLED, Reason.DM_DISABLED, Reason.BLOCKED),
}
IN_CHANNELS = {
    "allowlist": (Reason.ADMITTED_MENTIONED, Reason.GROUP_NOT_LISTED, Reason.GROUP_NOT_LISTED, Reason.BLOCKED),
    "open": (Reason.ADMITTED_MENTIONED, Reason.ADMITTED_MENTIONED, Reason.ADMITTED_MENTIONED, Reason.BLOCKED),
    "disabled": (Reason.GROUP_DISABLED, Reason.GROUP_DISABLED, Reason.GROUP_DISABLED, Reason.BLOCKED),
}


def test_each_policy_with_a_listed_an_unlisted_a_paired_and_a_blocked_person(sandbox, start_host, people):
    account = bot_account(sandbox, BOT, own_allow_from=True, own_group_allow_from=True)
    for which in ("dm", "group"):
        AccessEntry.objects.create(account=account, list=which, value=sandbox.user_id(LISTED))
    AccessEntry.objects.create(account=account, list="dm", value=sandbox.user_id(PAIRED), source=EntrySource.PAIRING)
    BlockedUser.objects.create(account=account, user_id=sandbox.user_id(BLOCKED))
    start_host()
    until_phase(account, "ready")
    wrong = []
    rounds = [("dm_policy", f"@{BOT}", "WORD", *row) for row in DIRECT.items()]
    rounds += [("group_policy", "support", MENTIONED, *row) for row in IN_CHANNELS.items()]
    for field, to, text, policy, expected in rounds:
        change(account, **{field: policy.removesuffix(" with *")})
        if policy == "open with *":
            AccessEntry.objects.create(account=account, list="dm", value="*")
            effective.bump_version()
        said = [people.say(who, to, text) for who in (LISTED, UNLISTED, PAIRED, BLOCKED)]
        people.settle(account, said=said)
        for one, reason in zip(said, expected, strict=True):
            found = InboundEvent.objects.get(post_id=one.post["id"], kind="post").reason
            answered = len(one.answers)
            if found != reason or answered != int(reason.startswith("admitted")):
                wrong.append(f"{field} {policy}, {one.post['user_id']}: {found}, {answered} answers; not {reason}")
    assert not wrong, "\n".join(wrong)
    challenges = [post for post in sandbox.posts(f"{UNLISTED},{BOT}") if "Pairing code" in post["message"]]
    assert len(challenges) == 1


#: The settings, and where the answer to a post stands: in the channel, in the thread of the post, or below the post.
PLAINLY, IN_THREAD, BELOW = "", "thread", "post"
REPLIES = [
    ({}, {"open": PLAINLY, "private": PLAINLY, "group message": PLAINLY, "direct": PLAINLY}),
    ({"reply_to_mode": "first"}, {"open": BELOW, "private": BELOW, "group message": BELOW, "direct": PLAINLY}),
    ({"reply_to_mode": "all"}, {"open": BELOW, "private": BELOW, "group message": BELOW, "direct": PLAINLY}),
    ({"reply_to_mode": "batched"}, {"open": BELOW, "private": BELOW, "group message": BELOW, "direct": PLAINLY}),
    (
        {"reply_to_mode": "all", "reply_to_mode_group": "off"},
        {"open": BELOW, "private": PLAINLY, "group message": PLAINLY, "direct": PLAINLY},
    ),
    (
        {
            "reply_to_mode": "",
            "reply_to_mode_group": "",
            "reply_to_mode_channel": "first",
            "reply_to_mode_direct": "all",
        },
        {"open": BELOW, "private": PLAINLY, "group message": PLAINLY, "direct": BELOW},
    ),
]


def test_answers_stand_where_the_reply_mode_says(sandbox, start_host, people):
    account = opened(sandbox)
    start_host()
    until_phase(account, "ready")
    private, group = private_and_group(sandbox)
    places = {"open": "support", "private": private, "group message": group, "direct": f"@{BOT}"}
    wrong = []
    for settings, expected in REPLIES:
        change(account, **settings)
        root = people.say("bob", "support", "WORD is broken")
        inside = people.say("carol", "support", MENTIONED, root=root.post["id"])
        said = {place: people.say("carol", to, MENTIONED) for place, to in places.items()}
        people.settle(account, said=[root, inside, *said.values()])
        if inside.answers != [(sandbox.user_id(BOT), root.post["id"])]:
            wrong.append(f"{settings}, in a thread: {inside.answers}")
        for place, one in said.items():
            where = one.post["id"] if expected[place] == BELOW else ""
            if one.answers != [(sandbox.user_id(BOT), where)]:
                wrong.append(f"{settings}, {place}: {one.answers} instead of {expected[place] or 'plainly'}")
    change(account, own_groups=True, reply_to_mode_channel="off")
    GroupOverride.objects.create(account=account, channel_id=sandbox.channel_id("support"), reply_to_mode="all")
    effective.bump_version()
    here = people.say("carol", "support", MENTIONED)
    people.settle(account, said=[here])
    assert here.answers == [(sandbox.user_id(BOT), here.post["id"])]
    assert not wrong, "\n".join(wrong)


def test_two_servers_and_two_accounts_in_one_channel_keep_to_themselves(sandbox, start_host, people):
    """Ids of people, bots and channels are the same on both servers, which makes it as hard as it can be."""
    BridgeDefaults.objects.get_or_create(pk=1)
    with SandboxProcess() as elsewhere:
        first, second = opened(sandbox), opened(sandbox, "helper")
        third = opened(elsewhere, account_id="elsewhere")
        start_host(real_time=True)
        for account in (first, second, third):
            until_phase(account, "ready")
        said = {
            "to the first": people.say("carol", "support", f"@{BOT} WORD"),
            "to the second": people.say("carol", "support", "@helper WORD"),
            "to both": people.say("carol", "support", f"@{BOT} @helper WORD"),
            "to nobody": people.say("carol", "support", "WORD"),
            "to the third": people.say("carol", "support", f"@{BOT} WORD", server=elsewhere),
            "directly to the first": people.say("carol", f"@{BOT}", "WORD"),
            "directly to the second": people.say("carol", "@helper", "WORD"),
            "directly to the third": people.say("carol", f"@{BOT}", "WORD", server=elsewhere),
        }
        people.settle(first, second, third, said=list(said.values()))
        # Both bots of the channel have heard what was written there.
        both = [said[name].post["id"] for name in ("to the first", "to the second", "to both", "to nobody")]
        wait_for(lambda: InboundEvent.objects.filter(post_id__in=both, kind="post").count() == 8, what="both to hear")
        people.settle(first, second, third, said=list(said.values()))
        durar, helper = (sandbox.user_id(name) for name in (BOT, "helper"))
        answered = {name: sorted(bot for bot, _root in one.answers) for name, one in said.items()}
    assert answered == {
        "to the first": [durar],
        "to the second": [helper],
        "to both": sorted([durar, helper]),
        "to nobody": [],
        "to the third": [durar],
        "directly to the first": [durar],
        "directly to the second": [helper],
        "directly to the third": [durar],
    }
    sessions = dict(Conversation.objects.values_list("session_key", "account__account_id"))
    assert len(sessions) == 6
    for key, account_id in sessions.items():
        assert key.split(":")[3] == account_id
    assert sorted(sessions.values()) == ["durar", "durar", "elsewhere", "elsewhere", "helper", "helper"]
