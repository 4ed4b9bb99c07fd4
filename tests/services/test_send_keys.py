"""Keys for other programs: made once, limited to accounts and to so many a minute, revoked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, Delivery, SendKey, SendRequest
from mattermost_bridge.services import send_keys
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.send_keys import Asked, NotAllowed, SameNameOtherMessage, TooMany
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")
ROOM = f"channel:{'room'.ljust(26, 'x')}"


@pytest.fixture(autouse=True)
def hints(hinted):
    return hinted


@pytest.fixture
def account():
    return make_account()


def make(account, **values):
    return send_keys.create(actor=ALICE, **{"name": "Backup job", "accounts": [account.pk], **values})


def test_a_key_is_kept_as_a_digest_and_said_once(account):
    made = make(account)
    key = SendKey.objects.get()
    assert made.secret.startswith("durar_")
    assert made.secret not in repr(made)
    assert made.secret not in str(list(SendKey.objects.values())) + str(list(AuditEntry.objects.values()))
    assert key.hint == made.secret[:11]
    assert send_keys.by_secret(made.secret) == key
    for wrong in ("", "durar_", made.secret[:-1], made.secret.upper(), key.digest):
        assert send_keys.by_secret(wrong) is None


def test_a_revoked_key_is_none(account):
    made = make(account)
    send_keys.revoke(made.key.pk, actor=ALICE)
    assert send_keys.by_secret(made.secret) is None
    with pytest.raises(Refused, match="revoked already"):
        send_keys.revoke(made.key.pk, actor=ALICE)
    with pytest.raises(NotFound):
        send_keys.revoke(10**6, actor=ALICE)
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "send_key.create",
        "send_key.revoke",
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": " "}, "needs a name"),
        ({"accounts": []}, "at least one account"),
        ({"per_minute": 0}, "from 1 to 6000"),
        ({"name": "Taken"}, "with the name .Taken. already"),
    ],
)
def test_what_makes_no_key_is_refused(account, values, sentence):
    make(account, name="Taken")
    with pytest.raises(Refused, match=sentence):
        make(account, **values)


def test_the_minute_is_counted_over_all_who_count(account):
    key = make(account, per_minute=5).key

    def use(_number):
        try:
            send_keys.take_turn(key, "192.0.2.1")
        except TooMany:
            return 0
        finally:
            connection.close()
        return 1

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(use, range(12))) == 5
    with pytest.raises(TooMany, match="may send 5 messages a minute") as refused:
        send_keys.take_turn(key, "192.0.2.2")
    assert 1 <= refused.value.seconds <= 60
    key.refresh_from_db()
    assert (key.window_count, key.last_used_from) == (5, "192.0.2.1")
    SendKey.objects.update(window_began=timezone.now() - timedelta(seconds=61))
    assert use(0) == 1


def test_a_message_goes_by_an_account_that_the_key_may(account):
    key = make(account).key
    other = make_account("other", bot_user_id="o" * 26)
    deliveries, repeated = send_keys.send(key, Asked(ROOM, "Hello"))
    assert (Delivery.objects.get(pk=deliveries[0]).text, repeated) == ("Hello", False)
    assert AuditEntry.objects.filter(verb="message.send").get().actor_name == "key Backup job"
    with pytest.raises(NotAllowed, match=r"may not send by the account 'other'\. It may by: default"):
        send_keys.send(key, Asked(ROOM, "Hello", account="other"))
    send_keys.update(key.pk, actor=ALICE, name="Backup job", accounts=[account.pk, other.pk], per_minute=60)
    with pytest.raises(NotAllowed, match="Name the account"):
        send_keys.send(key, Asked(ROOM, "Hello"))
    send_keys.send(key, Asked(ROOM, "Hello", account="other"))
    assert Delivery.objects.filter(account=other).count() == 1


def test_the_same_name_sends_once_also_at_the_same_time(account):
    key = make(account).key
    asked = Asked(ROOM, "Hello", idempotency_key="night-1")

    def send(_number):
        try:
            return send_keys.send(key, asked)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(send, range(6)))
    delivery = Delivery.objects.get()
    assert {tuple(deliveries) for deliveries, _ in answers} == {(delivery.pk,)}
    assert sorted(repeated for _, repeated in answers) == [False] + [True] * 5
    with pytest.raises(SameNameOtherMessage, match="stands for another message"):
        send_keys.send(key, Asked(ROOM, "Bye", idempotency_key="night-1"))
    other_key = make(account, name="Other").key
    send_keys.send(other_key, asked)
    assert Delivery.objects.count() == 2


def test_a_message_that_was_refused_leaves_its_name_free(account):
    key = make(account).key
    with pytest.raises(Refused, match="message is empty"):
        send_keys.send(key, Asked(ROOM, " ", idempotency_key="night-1"))
    assert not SendRequest.objects.exists()
    with pytest.raises(Refused, match="no post id"):
        send_keys.send(key, Asked(ROOM, "Hello", reply_to="yesterday"))


def test_names_are_forgotten_after_a_week(account):
    key = make(account).key
    send_keys.send(key, Asked(ROOM, "Hello", idempotency_key="night-1"))
    assert send_keys.forget_old() == 0
    SendRequest.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert send_keys.forget_old() == 1


def test_local_paths_are_not_for_programs(account, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    key = make(account).key
    with pytest.raises(Refused, match="is not below the folder media"):
        send_keys.send(key, Asked(ROOM, "Look", media=(str(tmp_path / "secret.txt"),)))
