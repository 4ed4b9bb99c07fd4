"""The main job in two tabs: a stranger's message, a code, an approval in the browser, an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.processes import REPOSITORY
from tests.up import Running

pytestmark = [pytest.mark.browser, pytest.mark.processes]
#: Where screenshots go when somebody wants to look at them.
SHOTS = os.environ.get("DURAR_SCREENSHOTS", "")


def shot(page: Page, name: str) -> None:
    """A picture of the page, if pictures are wanted."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def write(page: Page, text: str) -> None:
    """Write to whoever the chat page shows."""
    page.get_by_test_id("composer").fill(text)
    page.get_by_test_id("send").click()


def messages_of(page: Page, who: str):
    """What somebody wrote, in order."""
    return page.locator(f'[data-testid=message][data-username="{who}"] [data-testid=message-text]')


def code_in(page: Page) -> str:
    """The code of the challenge, as the person reads it."""
    return messages_of(page, "durar").first.locator("code, pre").first.inner_text().strip()


def test_an_operator_approves_a_stranger_in_the_browser_and_what_she_wrote_is_answered(durar: Running, tab):
    stranger, operator = tab(), tab()
    durar.chat(stranger, "carol")
    write(stranger, "hello")
    expect(messages_of(stranger, "durar").first).to_contain_text("Pairing code:")
    code = code_in(stranger)
    assert len(code) == 8
    shot(stranger, "1-a-stranger-gets-a-code")

    durar.sign_in(operator)
    operator.get_by_role("link", name="Pairing requests").first.click()
    row = operator.get_by_role("row").filter(has_text=code)
    expect(row).to_contain_text("@carol")
    shot(operator, "2-the-operator-sees-the-request")
    row.get_by_role("button", name="Approve").click()
    expect(operator.get_by_text("1 request approved", exact=False)).to_be_visible()
    shot(operator, "3-approved")

    expect(messages_of(stranger, "durar").nth(1)).to_contain_text("your access has been approved")
    expect(messages_of(stranger, "durar").nth(2)).to_contain_text("You said: hello")
    write(stranger, "again")
    expect(messages_of(stranger, "durar").nth(3)).to_contain_text("You said: again")
    expect(messages_of(stranger, "durar")).to_have_count(4)
    shot(stranger, "4-from-then-on-the-agent-answers")


def test_the_command_that_the_challenge_prints_works_as_pasted(durar: Running, tab):
    stranger = tab()
    durar.chat(stranger, "dave", "dm-helper")
    write(stranger, "good morning")
    challenge = messages_of(stranger, "helper").first
    expect(challenge).to_contain_text("Durar pairing approve mattermost")
    command = challenge.locator("code, pre").last.inner_text().split()
    assert command[-2:] == ["--account", "helper"]
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "manage.py"), *command[1:]],
        env=durar.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[0][:8]) == (0, "Approved"), done.stdout + done.stderr
    expect(messages_of(stranger, "helper").nth(2)).to_contain_text("You said: good morning")


def test_in_a_channel_the_bot_answers_a_mention_in_the_thread_that_it_stands_in(durar: Running, tab):
    page = tab()
    durar.chat(page, "carol", "channel-support")
    write(page, "nobody is meant")
    write(page, "@durar are you there?")
    expect(messages_of(page, "durar").last).to_contain_text("You said: are you there?")
    page.locator('[data-testid=message][data-username="carol"]').last.hover()
    page.locator('[data-testid=message][data-username="carol"]').last.get_by_test_id("reply").click()
    page.get_by_test_id("thread-composer").fill("@durar and here?")
    page.get_by_test_id("thread-send").click()
    answer = page.locator('[data-testid=thread-message][data-username="durar"]')
    expect(answer).to_contain_text("You said: and here?")
    expect(answer).to_have_count(1)


def test_the_operator_reads_why_the_bot_kept_silent(durar: Running, tab):
    page, operator = tab(), tab()
    durar.chat(page, "alice", "channel-support")
    write(page, "not for the bot at all")
    durar.sign_in(operator)
    operator.get_by_role("link", name="Events").first.click()
    row = operator.get_by_role("row").filter(has_text="not for the bot at all").first  # both bots are in the channel
    expect(row).to_be_visible()
    row.get_by_role("link").first.click()
    expect(operator.get_by_text("mention of @").first).to_be_visible()
    expect(operator.get_by_text("not found").first).to_be_visible()
    shot(operator, "5-why-the-bot-kept-silent")
