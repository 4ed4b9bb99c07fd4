"""The cache that all processes share: what it keeps, for how long, and that of many who are first one is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.utils import timezone

from mattermost_bridge.models import SharedValue
from mattermost_bridge.services import sessions


@pytest.fixture
def shared(db):
    return caches["shared"]


def test_it_keeps_values_until_their_time_is_over(shared):
    shared.set("guesses", [1.5, 2.5], 60)
    assert shared.get("guesses") == [1.5, 2.5]
    shared.set("guesses", [3.5], 60)
    assert shared.get("guesses") == [3.5]
    SharedValue.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert shared.get("guesses", "nothing") == "nothing"
    assert not shared.touch("guesses", 60)


def test_what_was_added_cannot_be_added_until_its_time_is_over(shared):
    assert shared.add("used", "y", 30)
    assert not shared.add("used", "z", 30)
    assert shared.get("used") == "y"
    SharedValue.objects.update(expires_at=timezone.now())
    assert shared.add("used", "z", 30)


def test_values_without_an_end_stay(shared):
    shared.set("always", 1, None)
    assert shared.touch("always", None)
    sessions.delete_expired()
    assert shared.get("always") == 1


def test_what_is_over_is_removed_by_the_clock(shared):
    for key, seconds in (("old", -1), ("young", 60)):
        shared.set(key, 1, seconds)
    shared.set("older", 1, 60)
    SharedValue.objects.filter(key__endswith="older").update(expires_at=timezone.now() - timedelta(hours=1))
    sessions.delete_expired()
    assert [row.key.rpartition(":")[2] for row in SharedValue.objects.all()] == ["young"]


def test_values_are_forgotten_one_by_one_and_all_at_once(shared):
    shared.set("a", 1)
    shared.set("b", 2)
    assert shared.delete("a")
    assert not shared.delete("a")
    shared.clear()
    assert not SharedValue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_are_first_one_is():
    at_once = threading.Barrier(4)

    def add() -> bool:
        at_once.wait(10)
        try:
            return caches["shared"].add("lock", True, 10)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        told = [one.result() for one in [threads.submit(add) for _ in range(4)]]
    assert sorted(told) == [False, False, False, True]
