"""The chat page in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.sandbox.ears import Ear, post_in
from tests.sandbox.integration import CommandIntegration, Integration

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(sandbox, browser):
    """Open the page as somebody; errors of its scripts fail the test."""
    errors = []

    def open_page(who="", place="dm-durar", width=1440, height=900, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{sandbox.base_url}/#{who}/{place}" if who else sandbox.base_url)
        if who:
            expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live", timeout=20_000)
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert errors == []


def test_one_chooses_a_person_and_writes_to_a_bot_that_answers(sandbox, visit):
    page = visit()
    expect(page.get_by_test_id("sandbox-banner")).to_contain_text("not a Mattermost")
    page.get_by_test_id("person-select").select_option("carol")
    page.get_by_test_id("dm-durar").click()
    expect(page.get_by_test_id("empty")).to_contain_text("Write to @durar to get a pairing code")
    with Ear(sandbox) as ear:
        page.get_by_test_id("composer").fill("hello")
        page.get_by_test_id("send").click()
        post = post_in(ear.event("posted"))
        assert (post["message"], post["user_id"]) == ("hello", sandbox.user_id("carol"))
        sandbox.typing("durar", post["channel_id"])
        expect(page.get_by_test_id("typing")).to_have_text("durar is typing…")
        sandbox.post("durar", "@carol", "Your code is **ABCD**")
    expect(page.get_by_test_id("message")).to_have_count(2)
    answer = page.get_by_test_id("message").last
    expect(answer).to_have_attribute("data-username", "durar")
    expect(answer.locator("strong").last).to_have_text("ABCD")
    expect(page.get_by_test_id("typing")).to_have_text("")


def test_replies_reactions_edits_and_notes_show_as_they_happen(sandbox, visit):
    page = visit("alice", "support")
    root = sandbox.post("bob", "support", "look at this")
    page.get_by_test_id("message").first.hover()
    page.get_by_test_id("react-thumbsup").click()
    expect(page.get_by_test_id("reaction-thumbsup")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("message").first.hover()
    page.get_by_test_id("reply").click()
    page.get_by_test_id("thread-composer").fill("done")
    page.get_by_test_id("thread-composer").press("Enter")
    expect(page.get_by_test_id("thread-message")).to_have_count(2)
    assert sandbox.posts("support")[-1]["root_id"] == root["id"]
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("thread-pane")).to_be_hidden()
    sandbox.edit("bob", root["id"], "look at that")
    expect(page.get_by_test_id("edited")).to_have_count(1)
    page.get_by_test_id("composer").press("ArrowUp")
    page.get_by_test_id("composer").fill("all done")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("edited")).to_have_count(2)
    assert sandbox.posts("support")[-1]["message"] == "all done"
    sandbox.ephemeral("sysadmin", "support", "alice", "psst")
    expect(page.locator("[data-type=system_ephemeral]")).to_contain_text("Only you can see this")


def test_what_users_write_is_never_read_as_html(sandbox, visit):
    page = visit("alice", "support")
    evil = '<img src=x onerror="document.title=1"> [x](javascript:alert(1)) `<b>` **<i>bold</i>**'
    sandbox.post("bob", "support", evil)
    text = page.get_by_test_id("message-text")
    expect(text).to_contain_text("<img src=x")
    assert text.locator("img, a, b, i").count() == 0
    expect(text.locator("strong")).to_have_text("<i>bold</i>")


def test_light_markdown_is_shown(sandbox, visit):
    page = visit("alice", "support")
    sandbox.post("bob", "support", "*it* `co*de*` https://example.com/a_b. ~~gone~~ @alice\n```py\nx = '**'\n```\nend")
    text = page.get_by_test_id("message-text")
    expect(text.locator("em")).to_have_text("it")
    expect(text.locator("p code")).to_have_text("co*de*")
    expect(text.locator("a")).to_have_attribute("href", "https://example.com/a_b")
    expect(text.locator("s")).to_have_text("gone")
    expect(text.locator(".mention.me")).to_have_text("@alice")
    expect(text.locator("pre")).to_have_text("x = '**'")


def test_after_a_cut_the_page_comes_back_and_shows_what_it_missed(sandbox, visit):
    page = visit("alice", "support")
    sandbox.deafen("alice")
    sandbox.post("bob", "support", "missed")
    sandbox.drop_sockets("alice")
    expect(page.get_by_test_id("message-text")).to_have_text("missed", timeout=20_000)
    sandbox.gone()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "connecting")
    sandbox.back()
    sandbox.post("bob", "support", "back")
    expect(page.get_by_test_id("message-text").last).to_have_text("back", timeout=20_000)


def test_a_bot_is_invited_from_the_empty_channel_and_removed_in_the_dialog(sandbox, visit):
    page = visit("alice", "incidents")
    page.get_by_test_id("empty-invite").click()
    expect(page.get_by_test_id("message")).to_contain_text("durar added to the channel by alice.")
    page.get_by_test_id("members-button").click()
    page.get_by_test_id("remove-durar").click()
    expect(page.get_by_test_id("invite-durar")).to_be_visible()
    assert sandbox.raw("durar", "GET", f"/channels/{sandbox.channel_id('incidents')}/members/me").status_code == 403


def test_unread_messages_are_counted_where_they_wait(sandbox, visit):
    page = visit("alice", "support")
    sandbox.post("bob", "off-topic", "lunch?")
    sandbox.post("durar", "@alice", "hello")
    expect(page.get_by_test_id("channel-off-topic").get_by_test_id("unread")).to_have_text("1")
    page.get_by_test_id("dm-durar").click()
    expect(page.get_by_test_id("message-text")).to_have_text("hello")
    expect(page.get_by_test_id("dm-durar").get_by_test_id("unread")).to_have_count(0)


def test_earlier_messages_are_read_on_request(sandbox, visit):
    sandbox.post_many("bob", "support", 100, "number {n}")
    page = visit("alice", "support")
    expect(page.get_by_test_id("message")).to_have_count(60)
    page.get_by_test_id("load-older").click()
    expect(page.get_by_test_id("message")).to_have_count(100, timeout=20_000)


@pytest.mark.parametrize(
    ("trouble", "status"), [("revoke", 401), ("disable", 401), ("503", 503)], ids=["revoke", "disable", "503"]
)
def test_trouble_is_asked_for_on_the_page(sandbox, visit, trouble, status):
    page = visit("alice")
    page.get_by_test_id("trouble-button").click()
    page.get_by_test_id(f"trouble-{trouble}").click()
    expect(page.get_by_test_id("toast")).to_contain_text("done")
    assert sandbox.raw("durar", "GET", "/users/me").status_code == status


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["dm-durar", "support"])
def test_nothing_overflows_at_390_pixels(sandbox, visit, scheme, place):
    sandbox.post("alice", "support", "`" + "x" * 300 + "` " + "y" * 300 + "\n```\n" + "z" * 300 + "\n```")
    sandbox.post("alice", "@durar", "y" * 300)
    page = visit("alice", place, width=390, height=844, scheme=scheme)
    expect(page.get_by_test_id("message")).to_have_count(1)
    wide = "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility({visibilityProperty: true}) "
    wide += "&& !e.closest('pre') && e.getBoundingClientRect().right > 390.5).map(e => e.outerHTML.slice(0, 90))"
    assert page.evaluate(wide) == []
    page.get_by_test_id("menu-button").click()
    page.get_by_test_id("channel-off-topic").click()
    expect(page.get_by_test_id("channel-title")).to_have_text("Off-Topic")
    expect(page.get_by_test_id("menu-button")).to_have_attribute("aria-expanded", "false")


def test_the_keyboard_is_enough(sandbox, visit):
    sandbox.post("bob", "support", "first")
    sandbox.post("bob", "support", "second")
    page = visit("alice", "support")
    expect(page.get_by_test_id("composer")).to_be_focused()
    page.keyboard.type("typed")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("lines")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("message").last).to_contain_text("typed\nlines")
    page.get_by_test_id("messages").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.get_by_test_id("message").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("reaction-thumbsup")).to_be_visible()


def test_every_button_has_a_name(sandbox, visit):
    sandbox.post("alice", "support", "x")
    page = visit("alice", "support")
    expect(page.get_by_test_id("message")).to_have_count(1)
    nameless = "[...document.querySelectorAll('button')].filter(b => !b.ariaLabel && !b.innerText.trim()).length"
    page.get_by_test_id("trouble-button").click()
    assert page.evaluate(nameless) == 0


def test_buttons_are_shown_with_their_style_and_clicked(sandbox, visit):
    actions = [
        {"id": "yes", "name": "Yes", "type": "button", "style": "primary"},
        {"id": "no", "name": "No", "type": "button", "style": "danger"},
    ]
    with Integration() as program:
        program.answers({"update": {"message": "Well?", "props": {"attachments": [{"text": "✓ **Yes**"}]}}})
        for action in actions:
            action["integration"] = {"url": program.url, "context": {"action_id": action["id"]}}
        sandbox.post("durar", "@alice", "Well?", props={"attachments": [{"text": "Approve?", "actions": actions}]})
        page = visit("alice", width=390)
        expect(page.get_by_test_id("action-no")).to_have_attribute("data-style", "danger")
        page.get_by_test_id("action-yes").click()
        expect(page.get_by_test_id("action-yes")).to_have_count(0)
        expect(page.get_by_test_id("message-text").last).to_contain_text("✓ Yes")
        assert [call["context"] for call in program.calls] == [{"action_id": "yes"}]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_files_go_along_with_a_message_and_pictures_are_shown(visit, sandbox):
    page = visit("alice")
    image = Path(__file__).parents[2] / "docs" / "images"
    picture = next(path for path in sorted(image.iterdir()) if path.suffix == ".png")
    page.get_by_test_id("composer-attach").set_input_files([
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"},
        {"name": "shot.png", "mimeType": "image/png", "buffer": picture.read_bytes()},
        {"name": "wrong.txt", "mimeType": "text/plain", "buffer": b"not this one"},
    ])  # fmt: skip
    page.get_by_role("button", name="Leave out wrong.txt").click()
    expect(page.get_by_test_id("composer-files").locator("li")).to_have_count(2)
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("picture")).to_be_visible()
    page.wait_for_function("""() => document.querySelector('[data-testid="picture"]').naturalWidth > 0""")
    with page.expect_download() as download:
        page.get_by_test_id("file").filter(has_text="notes.txt").click()
    assert Path(download.value.path()).read_bytes() == b"hello"
    assert len(sandbox.posts("alice,durar")[-1]["file_ids"]) == 2


def test_a_slash_command_is_typed_on_the_page_and_its_answer_is_for_oneself(sandbox, visit):
    with CommandIntegration() as program:
        sandbox.command("sysadmin", "durar", program.url)
        program.answers({"text": "only for you"})
        page = visit("alice", "support")
        page.get_by_test_id("composer").fill("/durar hello")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("message-text")).to_have_text("only for you")
        assert sandbox.posts("support") == []
        page.get_by_test_id("composer").fill("/nobody")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("toast")).to_contain_text("not found")
        expect(page.get_by_test_id("composer")).to_have_value("/nobody")
