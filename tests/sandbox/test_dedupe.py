"""`pending_post_id`: a retry is safe within the window, and not after it."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def post(sandbox):
    support = sandbox.channel_id("support")

    def make(message, who="durar", pending="pending-1"):
        body = {"channel_id": support, "message": message, "pending_post_id": pending}
        return sandbox.raw(who, "POST", "/posts", body)

    return make


def test_the_same_id_gives_the_first_post_again_even_to_another_user(sandbox, post):
    first, second, third = post("one"), post("two"), post("three", "alice")
    assert [answer.status_code for answer in (first, second, third)] == [201, 201, 201]
    assert first.json()["id"] == second.json()["id"] == third.json()["id"]
    assert third.json()["message"] == "one"
    assert first.json()["pending_post_id"] == "pending-1"
    assert len(sandbox.posts("support")) == 1


def test_a_refused_post_does_not_take_its_id(sandbox, post):
    assert post("x" * 16384).status_code == 400
    assert post("fine").json()["message"] == "fine"


def test_with_a_window_of_0_a_retry_makes_a_second_post(sandbox, post):
    sandbox.settings(dedupe_window=0)
    assert post("one").json()["id"] != post("one").json()["id"]


def test_while_the_first_is_being_saved_the_second_is_500(sandbox, post):
    hang = sandbox.fault("hang", path="^/posts$", stage="saving")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, "one")
        sandbox.wait_for(lambda: sandbox.held(hang), what="the first post being held")
        refused = post("two")
        assert refused.status_code == 500
        assert refused.json()["id"] == "api.post.deduplicate_create_post.pending"
        sandbox.release(hang)
        assert first.result().status_code == 201
    assert post("three").json()["id"] == first.result().json()["id"]


def test_a_first_post_that_is_cut_while_saving_leaves_the_way_free(sandbox, post):
    hang = sandbox.fault("hang", path="^/posts$", stage="saving")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, "one")
        sandbox.wait_for(lambda: sandbox.held(hang), what="the first post being held")
        sandbox.release(hang, complete=False)
        assert isinstance(first.exception(), OSError)
    assert post("two").json()["message"] == "two"


def test_a_restart_forgets_what_is_pending(sandbox, post):
    first = post("one").json()["id"]
    sandbox.gone(forget=True)
    sandbox.back()
    assert post("one").json()["id"] != first
