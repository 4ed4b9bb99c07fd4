"""Control commands do what they say, in order, once, and without an agent."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, Agent, Conversation, Delivery, InboundEvent, Turn
from mattermost_bridge.services import decisions, inbox, turn_runner, turns
from tests.bridge import direct_post, post
from tests.services.incoming.making import ROOT, open_account, reasons

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_session_is_said_and_the_history_begins_anew(hinted, server):
    account = open_account()
    for text in ("one", "history", " /new", "history", "two", "history"):
        inbox.record(account.pk, [direct_post(text)])
        hinted.run()
    said = server.texts()
    assert said[1] == "I was given 2 earlier messages."
    assert said[2] == "A new session begins here. What was said before is not passed on any more."
    assert said[3] == "I was given 0 earlier messages."
    assert said[5] == "I was given 4 earlier messages."
    turn = Turn.objects.get(command="new")
    assert (turn.state, turn.agent_id, turn.answer) == ("done", None, said[2])
    assert Conversation.objects.get().fresh_since == turn.trigger_at


def test_a_command_after_a_mention_is_answered_in_its_thread(hinted, server):
    account = open_account()
    inbox.record(account.pk, [post("@durar /new", root=ROOT)])
    hinted.run()
    assert server.posts[0].root_id == ROOT
    assert reasons() == [("@durar /new", "answered", "admitted_mentioned")]


def test_help_names_every_command(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("/help")])
    hinted.run()
    assert all(f"`/{command}`" in server.texts()[0] for command in ("new", "stop", "status", "help"))
    assert "@durar" in server.texts()[0]


def test_the_status_says_who_answers_and_how_the_last_turn_went(hinted, server):
    agent = Agent.objects.create(slug="a", name="Helper", backend="echo", model="small")
    account = open_account("ops", name="Operations", agent=agent)
    inbox.record(account.pk, [direct_post(" /status"), direct_post("fail"), direct_post(" /status")])
    hinted.run()
    first, _, last = server.texts()
    assert "- Account: Operations (ops)\n- Agent: Helper\n- Model: small\n- Last turn here: none yet" in first
    assert "- Last turn here: failed just now, after " in last


def test_the_status_is_told_without_an_agent_too(hinted, server):
    account = open_account(agent=None)
    inbox.record(account.pk, [direct_post("/status")])
    hinted.run()
    assert "- Agent: none, so messages wait" in server.texts()[0]


def test_somebody_on_no_list_is_refused_in_a_channel_and_heard_in_a_direct_message(hinted, server):
    account = open_account()
    AccessEntry.objects.update(value="dave".ljust(26, "u"))
    from mattermost_bridge.config import effective

    effective.bump_version()
    inbox.record(account.pk, [post("@durar /new"), post(" /stop", user="dave")])
    hinted.run()
    assert [(text, reason) for text, _, reason in reasons()] == [
        ("@durar /new", "command_refused"),
        (" /stop", "admitted_command"),
    ]


def test_a_command_that_is_tried_twice_is_answered_once(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("/new")])
    hinted.given.extend(list(hinted.given) * 2)
    hinted.run()
    assert len(server.texts()) == 1


def test_a_command_whose_worker_dies_is_answered_by_another(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("/new")])
    assert decisions.process_event(InboundEvent.objects.get().pk) is not None
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    hinted.run()
    turn_runner.run(turns.take_or_hint(Conversation.objects.get().pk))
    assert server.texts() == ["A new session begins here. What was said before is not passed on any more."]


class TestStop:
    def begun(self, account, text="slow 60"):
        """A turn that a worker has begun."""
        inbox.record(account.pk, [direct_post(text)])
        return decisions.process_event(InboundEvent.objects.get(text=text).pk)

    def test_it_cancels_the_running_turn_and_drops_what_waits(self, hinted, server):
        account = open_account()
        running = self.begun(account)
        inbox.record(account.pk, [direct_post("waits"), direct_post("waits too"), direct_post(" /stop")])
        hinted.run()
        assert server.texts() == ["Stopped. 2 messages that waited are dropped."]
        assert [row[1:] for row in reasons()] == [("decided", "stopped")] * 3 + [("answered", "admitted_dm_open")]
        turn = Turn.objects.get(pk=running.turn_id)
        assert (turn.state, turn.error_kind) == ("cancelled", "stopped")
        assert Conversation.objects.get().lease_until is None
        inbox.record(account.pk, [direct_post("hello")])
        hinted.run()
        assert server.texts()[-1] == "You said: hello"

    def test_a_result_that_comes_after_it_is_thrown_away(self, hinted, server):
        account = open_account()
        running = self.begun(account, "quick")
        inbox.record(account.pk, [direct_post("/stop")])
        hinted.run()
        turn_runner.run(running)
        assert server.texts() == ["Stopped."]
        assert not Delivery.objects.filter(turn=running.turn_id).exists()

    def test_the_agent_that_works_in_this_process_ends_at_once(self, hinted, server):
        account = open_account()
        running = self.begun(account)
        worker = threading.Thread(target=turn_runner.run, args=(running,))
        worker.start()
        try:
            while running.turn_id not in turn_runner._running:
                worker.join(0.01)
            inbox.record(account.pk, [direct_post("/stop")])
            hinted.run()
        finally:
            worker.join(50)
        assert not worker.is_alive()
        assert server.texts() == ["Stopped."]

    def test_with_nothing_to_stop_it_says_so(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [direct_post("hello"), direct_post("/stop"), direct_post("again")])
        hinted.run()
        assert server.texts() == ["You said: hello", "There is nothing to stop here.", "You said: again"]

    def test_it_overtakes_what_is_not_decided_yet(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [direct_post("older"), direct_post("/stop"), direct_post("younger")])
        hinted.given.rotate(-1)  # the older one's hint comes last
        hinted.run()
        turn_runner.run(taken) if (taken := turns.take_or_hint(Conversation.objects.get().pk)) else None
        assert server.texts() == ["There is nothing to stop here.", "You said: younger"]
        assert reasons()[0] == ("older", "decided", "stopped")

    def test_what_others_say_elsewhere_goes_on(self, hinted, server):
        account = open_account()
        inbox.record(account.pk, [direct_post("hello", user="dave")])
        inbox.record(account.pk, [direct_post("/stop")])
        hinted.run()
        assert sorted(server.texts()) == ["There is nothing to stop here.", "You said: hello"]

    def test_it_never_stops_another_command(self, hinted, server):
        account = open_account()
        running = self.begun(account, "/new")
        inbox.record(account.pk, [direct_post("/stop")])
        hinted.run()
        turn_runner.run(running)
        hinted.run()
        assert [text.split()[0] for text in server.texts()] == ["A", "There"]


def test_a_command_among_what_a_stranger_wrote_is_a_turn_of_its_own(hinted, server):
    """What waited for the approval is answered in one turn, but for the command."""
    from mattermost_bridge.models import PairingRequest
    from mattermost_bridge.services import pairing
    from mattermost_bridge.services.audit import Actor
    from tests.bridge import make_account

    account = make_account()
    inbox.record(account.pk, [direct_post("one"), direct_post("/status"), direct_post("two")])
    hinted.run()
    pairing.approve(request_id=PairingRequest.objects.get().pk, actor=Actor("alice", "panel"))
    hinted.run()
    assert sorted(Turn.objects.values_list("command", "question")) == [("", "one\n\ntwo"), ("status", "/status")]
    assert len(server.texts()) == 4  # the code, the note of approval, and the two answers
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"answered"}
