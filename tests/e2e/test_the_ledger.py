"""What the ledger of the other tests takes for lost, doubled and out of order."""

from typing import Any

import pytest

from tests.e2e.ledger import MARK, Ledger


class Server:
    """What a ledger asks of the sandbox, with answers as they were given to it."""

    def __init__(self, *answers: str) -> None:
        self.rows = [
            {"user_id": "bot", "root_id": "", "message": text, "props": {MARK: f"mark {number}"}}
            for number, text in enumerate(answers)
        ]

    def user_id(self, name: str) -> str:
        return "bot"

    def posts(self, channel_id: str) -> list[dict[str, Any]]:
        return self.rows


def balance(posts: list[tuple[str, int]], *answers: str) -> Any:
    ledger = Ledger(Server(*answers))
    for text, create_at in posts:
        ledger.note(
            "carol",
            {"channel_id": "c", "root_id": "", "message": text, "id": f"post {text}", "create_at": create_at},
            answers=(f"to {text}",),
        )
    return ledger.balance()


def test_answers_in_the_order_of_the_posts_are_right():
    found = balance([("a", 1), ("b", 2)], "to a", "to b")
    assert (found.faults, found.answered) == ([], 2)


def test_answers_in_another_order_are_not():
    assert len(balance([("a", 1), ("b", 2)], "to b", "to a").out_of_order) == 1


@pytest.mark.parametrize("answers", [("to a", "to b"), ("to b", "to a")])
def test_posts_of_one_millisecond_have_no_order(answers):
    assert balance([("a", 1), ("b", 1)], *answers).faults == []
    assert len(balance([("a", 1), ("b", 1), ("c", 2)], "to c", *answers).out_of_order) == 1


def test_what_is_missing_and_what_is_there_twice_is_named():
    assert len(balance([("a", 1), ("b", 2)], "to a").lost) == 1
    assert len(balance([("a", 1)], "to a", "to a").doubled) == 1
    assert len(balance([("a", 1)], "to a", "nobody asked").unexpected) == 1
