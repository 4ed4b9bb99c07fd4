"""When a text mentions the bot, and what is left of it without the mention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.mentions import mentions_bot, strip_mention


@pytest.mark.parametrize(
    "text",
    [
        "@bot",
        "@BOT",
        "@Bot please",
        "hey @bot please",
        "(@bot)",
        "@bot.",
        "@bot:",
        "@bot, hello",
        "@bot!",
        "@bot's turn",
        "@bot_",
        "@bot،",
        "really @bot?",
        "first line\n@bot second line",
        "“@bot”",
        "**@bot**",
        "_@bot_",
        "> @bot quoted",
        "@botx and @bot",
        "an `unclosed backtick and @bot",
        r"an escaped \`@bot\` is no code",
        "```\ncode\n```\n@bot",
        "`code` @bot `more`",
        "``` `` ``` @bot",
        "- a `stray backtick\n- @bot look at `this`",
        "a `stray backtick\n\n@bot in the next paragraph, with another `",
        "    ~~~ @bot",
    ],
)
def test_a_mention_is_found(text):
    assert mentions_bot(text, "bot")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bot",
        "@botx",
        "@bot1",
        "@bot_x",
        "@bot-x",
        "@bot.helper",
        "@bot:hello",
        "x@bot",
        "x.@bot",
        "me@bot.example",
        "write to bot@bot.com",
        "@@bot",
        "@alice@bot",
        "@boté",
        "é@bot",
        "`@bot`",
        "``see ` @bot``",
        "```\n@bot\n```",
        "```py\n@bot\ndef f(): ...\n```",
        "~~~\n@bot\n```\n@bot\n~~~",
        "````\n```\n@bot\n````",
        "   ```\n   @bot\n   ```",
        "```\n@bot and no end",
        "> ```\n> @bot\n> ```",
        "@ bot",
        "@channel @all @here",
    ],
)
def test_no_mention_is_found(text):
    assert not mentions_bot(text, "bot")


@pytest.mark.parametrize("name", ["bot.helper", "bot-helper", "bot_", "@bot.helper"])
def test_names_with_dots_hyphens_and_underscores_are_mentioned_as_a_whole(name):
    assert mentions_bot(f"hello @{name.lstrip('@')}.", name)
    assert not mentions_bot("hello @bot", name)


def test_a_bot_whose_name_is_not_known_is_never_mentioned():
    assert not mentions_bot("hello @ and @@ and @.", "")
    assert strip_mention("hello @", "") == "hello @"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@durar: hello", "hello"),
        ("@durar hello", "hello"),
        ("@Durar, hello", "hello"),
        ("@durar،‌ سلام", "‌ سلام"),
        ("hey @durar please", "hey please"),
        ("thanks, @durar, but no", "thanks, but no"),
        ("hello @durar", "hello"),
        ("hello @durar?", "hello?"),
        ("hello @durar…", "hello…"),
        ("@durar", ""),
        ("  @durar  ", ""),
        ("@durar:\n", ""),
        ("@durar @durar: hi", "hi"),
        ("@durar\nhello", "hello"),
        ("first\n@durar\nsecond", "first\nsecond"),
        ("@durar\n    indented code\n\n    more", "    indented code\n\n    more"),
        ("@durar look:\n\n    if x:\n        y()\n", "look:\n\n    if x:\n        y()\n"),
        ("  two spaces @durar", "  two spaces"),
        ("  @durar two spaces", "  two spaces"),
        ("- @durar item", "- item"),
        ("*hey @durar*", "*hey*"),
        ("end of line @durar\r\nnext", "end of line\r\nnext"),
        ("hard break @durar  \nnext", "hard break  \nnext"),
        ("@durar what does `@durar` mean?", "what does `@durar` mean?"),
        ("@durar\n```py\n@durar\nx = 1\n```", "```py\n@durar\nx = 1\n```"),
        ("what is @durar's job?", "what is @durar's job?"),
        ("write to me@durar.example", "write to me@durar.example"),
        ("no mention   at all  \n", "no mention   at all  \n"),
    ],
)
def test_the_mention_goes_and_the_rest_stays(text, left):
    assert strip_mention(text, "durar") == left


WORDS = st.sampled_from(
    ["@bot", "@BOT:", "@bot,", "(@bot)", "hi", "@botx", "`", "```", "~~~", "    ", "\n", " ", "\t", "x@bot", ".", "\\"]
)
TEXTS = st.lists(WORDS, max_size=25).map("".join)


@given(TEXTS)
def test_a_stripped_text_is_a_part_of_the_text_in_order(text):
    rest = iter(text)
    assert all(character in rest for character in strip_mention(text, "bot"))


@given(TEXTS)
def test_a_text_without_a_mention_is_not_touched(text):
    assert mentions_bot(text, "bot") or strip_mention(text, "bot") == text


@given(st.lists(st.sampled_from(["@bot", "@bot:", "hello", "  indented", "a b"]), min_size=1, max_size=8))
def test_nothing_mentions_the_bot_afterwards_and_other_words_stay(words):
    left = strip_mention("\n".join(words), "bot")
    assert not mentions_bot(left, "bot")
    assert left.split() == " ".join(word for word in words if not word.startswith("@")).split()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", ["`", "``` ", "@bot ", "@bot\n", "` `` ", "\\`", "@bot:@", "```\n", "~" * 3 + "\n\n"])
def test_long_texts_of_the_worst_kind_are_read(piece):
    text = piece * (100_000 // len(piece))
    assert strip_mention(text + "end", "bot").endswith("end")
