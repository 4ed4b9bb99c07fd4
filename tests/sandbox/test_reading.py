"""Lists of posts: pages, since, threads, and the traps in each."""

import pytest

from tests.sandbox.ears import Ear


@pytest.fixture
def support(sandbox):
    return sandbox.channel_id("support")


def posts(sandbox, channel, query="", who="durar"):
    return sandbox.api(who, "GET", f"/channels/{channel}/posts{query}")


def spread(sandbox, count):
    """Make posts one call each; their times differ by what a call takes."""
    return [sandbox.post("alice", "support", f"post {number}") for number in range(count)]


def test_without_a_parameter_the_last_60_come_newest_first(sandbox, support):
    ids = sandbox.post_many("alice", "support", 70)
    page = posts(sandbox, support)
    assert page["order"] == ids[:-61:-1]
    assert list(page) == ["order", "posts", "next_post_id", "prev_post_id"]
    assert page["next_post_id"] == ""


def test_prev_post_id_is_the_next_older_post(sandbox, support):
    sandbox.api("sysadmin", "POST", "/posts", {"channel_id": support, "message": "old", "create_at": 1000})
    older = sandbox.posts("support")[0]["id"]
    newer = sandbox.post("alice", "support", "new")["id"]
    page = posts(sandbox, support, "?per_page=1")
    assert (page["order"], page["prev_post_id"]) == ([newer], older)


def test_a_page_has_at_most_200_posts(sandbox, support):
    ids = sandbox.post_many("alice", "support", 450)
    pages = [posts(sandbox, support, f"?page={page}&per_page=1000")["order"] for page in range(4)]
    assert [len(page) for page in pages] == [200, 200, 50, 0]
    assert [post_id for page in pages for post_id in page] == ids[::-1]


def test_before_leaves_out_the_millisecond_of_its_post(sandbox, support):
    def at(time):
        body = {"channel_id": support, "message": str(time), "create_at": time}
        return sandbox.api("sysadmin", "POST", "/posts", body)["id"]

    one, two, twin, three = at(1000), at(2000), at(2000), at(3000)
    assert posts(sandbox, support, f"?before={three}")["order"] == [twin, two, one]
    assert posts(sandbox, support, f"?before={twin}")["order"] == [one]
    assert posts(sandbox, support, f"?before={two}")["next_post_id"] in (two, twin, three)
    assert posts(sandbox, support, f"?after={two}")["order"] == [three]
    assert posts(sandbox, support, f"?after={one}&per_page=2")["order"] == [twin, two]


def test_after_starts_with_the_oldest_page(sandbox, support):
    made = []
    for time in range(1000, 1500, 100):
        body = {"channel_id": support, "message": str(time), "create_at": time}
        made.append(sandbox.api("sysadmin", "POST", "/posts", body)["id"])
    assert posts(sandbox, support, f"?after={made[0]}&per_page=2")["order"] == [made[2], made[1]]
    assert posts(sandbox, support, f"?after={made[0]}&per_page=2&page=1")["order"] == [made[4], made[3]]


def test_a_deleted_post_still_serves_as_a_mark(sandbox, support):
    old, mark = spread(sandbox, 2)
    sandbox.delete("alice", mark["id"])
    assert old["create_at"] <= mark["create_at"]
    expected = [old["id"]] if old["create_at"] < mark["create_at"] else []
    assert posts(sandbox, support, f"?before={mark['id']}")["order"] == expected


def test_pages_carry_whole_threads_in_posts_but_not_in_order(sandbox, support):
    root = sandbox.post("alice", "support", "root")["id"]
    sandbox.post_many("alice", "support", 5)
    reply = sandbox.post("alice", "support", "reply", root_id=root)["id"]
    page = posts(sandbox, support, "?per_page=1")
    assert page["order"] == [reply]
    assert set(page["posts"]) == {reply, root}


def test_since_is_strict_and_shows_what_was_deleted(sandbox, support):
    first = sandbox.post("alice", "support", "first", props={"mark": "m"})
    assert posts(sandbox, support, f"?since={first['update_at']}")["order"] == []
    assert posts(sandbox, support, f"?since={first['update_at'] - 1}")["order"] == [first["id"]]
    sandbox.delete("alice", first["id"])
    (seen,) = posts(sandbox, support, f"?since={first['update_at'] - 1}")["posts"].values()
    assert seen["message"] == ""
    assert seen["delete_at"] > 0
    assert seen["props"] == {"mark": "m"}


def test_since_shows_an_edited_post_and_the_ghost_of_its_old_text(sandbox, support):
    post = sandbox.post("alice", "support", "before")
    sandbox.edit("alice", post["id"], "after")
    seen = posts(sandbox, support, f"?since={post['create_at'] - 1}")["posts"]
    ghost = next(row for row in seen.values() if row["id"] != post["id"])
    assert len(seen) == 2
    assert seen[post["id"]]["message"] == "after"
    assert (ghost["message"], ghost["original_id"]) == ("", post["id"])
    assert ghost["delete_at"] > 0
    assert ghost["create_at"] == post["create_at"]


def test_since_shows_the_root_of_a_new_reply(sandbox, support):
    root = sandbox.post("alice", "support", "root")["id"]
    sandbox.api("sysadmin", "POST", "/posts", {"channel_id": support, "message": "x", "create_at": 4_000_000_000_000})
    since = 3_999_999_999_999
    reply = sandbox.api(
        "sysadmin",
        "POST",
        "/posts",
        {"channel_id": support, "message": "r", "root_id": root, "create_at": 4_000_000_000_001},
    )["id"]
    assert {reply, root} <= set(posts(sandbox, support, f"?since={since}")["order"])


def test_since_gives_the_oldest_thousand_and_no_hint_of_more(sandbox, support):
    ids = sandbox.post_many("alice", "support", 1010)
    seen = posts(sandbox, support, "?since=1&per_page=10&page=3")
    assert len(seen["order"]) == 1000
    assert set(seen["order"]) == set(ids[:1000])
    assert (seen["next_post_id"], seen["prev_post_id"]) == ("", "")


@pytest.mark.parametrize(("since", "status"), [("abc", 400), ("0", 200), ("99999999999999", 200)])
def test_odd_values_of_since(sandbox, support, since, status):
    sandbox.post("alice", "support", "x")
    answer = sandbox.raw("durar", "GET", f"/channels/{support}/posts?since={since}")
    assert answer.status_code == status
    if since == "0":
        assert len(answer.json()["order"]) == 1
    if since == "99999999999999":
        assert answer.json()["order"] == []


def test_a_thread_names_the_asked_post_twice(sandbox):
    root = sandbox.post("alice", "support", "root")["id"]
    reply = sandbox.post("alice", "support", "reply", root_id=root)["id"]
    thread = sandbox.api("durar", "GET", f"/posts/{root}/thread")
    assert thread["order"] == [root, reply, root]
    assert set(thread["posts"]) == {root, reply}


def test_a_thread_leaves_out_deleted_replies(sandbox):
    root = sandbox.post("alice", "support", "root")["id"]
    reply = sandbox.post("alice", "support", "reply", root_id=root)["id"]
    sandbox.delete("alice", reply)
    assert set(sandbox.api("durar", "GET", f"/posts/{root}/thread")["posts"]) == {root}


def test_times_may_repeat_and_follow_the_servers_clock(sandbox):
    sandbox.settings(clock_offset_ms=3_600_000)
    late = sandbox.post("alice", "support", "from the future")
    with Ear(sandbox) as ear:
        pong = ear.act("ping")
    sandbox.settings(clock_offset_ms=0)
    assert late["create_at"] - sandbox.post("alice", "support", "now")["create_at"] > 3_000_000
    assert pong["data"]["server_time"] >= late["create_at"]
