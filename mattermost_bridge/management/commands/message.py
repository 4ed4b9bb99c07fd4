"""`Durar message send | react | read | buttons`: what a bot writes, reacts to and reads, from the command line."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from mattermost_bridge.management import terminal
from mattermost_bridge.management.database import DatabaseCommand
from mattermost_bridge.management.message_words import CHANNEL, Words, WrongWords, read_json, read_words, whole_number
from mattermost_bridge.management.naming import account_named
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.rules.targets import HOW, ID
from mattermost_bridge.services import buttons, files_out, messages, reactions, receipts, recent_posts, targets
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.receipts import Fate, Outcome
from mattermost_bridge.services.usable import usable

#: So long, in seconds, `send` waits for the post where nothing else is said.
WAIT = 20
#: Exit status of a message that is in the outbox and not sent yet.
NOT_YET = 3

USAGE = """examples:
  Durar message send --channel mattermost --target @carol --message "Hello"
  Durar message send --target "#support" --message "Look" --media ./chart.png
  Durar message action=react channel=mattermost target=channel:ID messageId=ID emoji=thumbsup remove=true
  Durar message action=send channel=mattermost target=@carol 'buttons=[[{"text":"Yes","callback_data":"yes"}]]'
  Durar message buttons --json --target channel:ID --buttons '[[{"text":"Yes","callback_data":"yes"}]]'
  Durar message read --target "#support" --limit 10 --json

exit status: 0 done, 1 refused or failed (the sentence says why), 3 in the outbox and not sent yet"""


class Command(DatabaseCommand):
    """Messages on the command line."""

    help = "Send a message, react to a post, read what was written lately, or sign buttons for a script."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's, where words and options may come in any order."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """One flat list, since each argument may also be written as key=value."""
        from argparse import RawDescriptionHelpFormatter

        parser.epilog, parser.formatter_class = USAGE, RawDescriptionHelpFormatter
        parser.add_argument("words", nargs="*", metavar="send|react|read|buttons or key=value")
        parser.add_argument("--channel", default="", help="mattermost; may be left out")
        parser.add_argument("--account", default="", metavar="A", help="by which account; without it the default one")
        parser.add_argument("--target", "--to", "-t", default="", metavar="T", help=HOW)
        parser.add_argument("--message", "-m", default="", metavar="TEXT", help="what to write, in Markdown")
        parser.add_argument(
            "--media", action="append", default=[], metavar="PATH", help="a file's path or http(s) address; repeatable"
        )
        parser.add_argument("--buttons", default="", metavar="JSON", help="rows of text, callback_data and style")
        parser.add_argument("--reply-to", default="", metavar="ID", help="write into the thread of this post")
        parser.add_argument("--emoji", default="", metavar="E", help="as thumbsup or :+1:")
        parser.add_argument("--message-id", "--post-id", default="", metavar="ID", help="the post to react to")
        parser.add_argument("--remove", action="store_true", help="take the reaction back")
        parser.add_argument("--limit", default="", metavar="N", help="read at most so many posts")
        parser.add_argument("--before", default="", metavar="ID", help="read what is older than this post")
        parser.add_argument("--wait", default="", metavar="S", help=f"seconds to wait for the post; {WAIT} without it")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Problems end it with a sentence and exit status 1."""
        try:
            words = read_words(options["words"], options)
            account_pk = account_named(words.account or None)
            does = {"send": self._send, "react": self._react, "read": self._read, "buttons": self._buttons}
            does[words.action](account_pk, words)
        except (Refused, WrongWords, WrongKeyError) as problem:
            raise CommandError(str(problem)) from None

    def _send(self, account_pk: int, words: Words) -> None:
        seconds = whole_number("wait", words.wait, default=WAIT, least=0, most=600)
        target = self._target(account_pk, words)
        if reply_to := words.reply_to.strip():
            if not ID.fullmatch(reply_to):
                raise WrongWords(f"{reply_to[:40]!r} is no post id: one has 26 lower-case letters and digits.")
            target = replace(target, root_id=reply_to)
        rows = read_json("buttons", words.buttons)
        files = files_out.take_all(usable(account_pk), words.media, any_path=True)
        receipt = messages.send(
            account_pk, target, words.message, actor=terminal.operator(), files=files, button_rows=rows
        )
        self._say(receipt, receipts.wait(receipt.deliveries, seconds), as_json=words.json)

    def _say(self, receipt: messages.Receipt, found: Outcome, *, as_json: bool) -> None:
        """Print the receipt; how it stands is the exit status, too."""
        if as_json:
            done = {"ok": found.fate is Fate.SENT, "channel": CHANNEL, "state": str(found.fate)}
            posts = {
                "messageId": found.post_ids[0] if found.post_ids else None,
                "messageIds": list(found.post_ids),
                "channelId": found.channel_id or None,
                "links": list(found.links),
                "deliveryIds": list(receipt.deliveries),
            }
            terminal.print_json(self.stdout, done | posts | ({"error": found.sentence} if found.sentence else {}))
        elif found.fate is Fate.SENT:
            self.stdout.write(self.style.SUCCESS(f"Sent to {receipt.target}."))
            for post_id, link in zip(found.post_ids, found.links, strict=True):
                self.stdout.write(f"{post_id}\t{link}")
        if found.fate is Fate.FAILED:
            raise CommandError(f"The message to {receipt.target} was not delivered. {found.sentence}")
        if found.fate is Fate.WAITING:
            raise CommandError(f"Not sent yet. {found.sentence}", returncode=NOT_YET)

    def _react(self, account_pk: int, words: Words) -> None:
        channel_id = ""
        if words.target.strip():
            channel_id = targets.resolve(usable(account_pk), words.target).channel_id
        done = reactions.react(
            account_pk,
            words.message_id,
            words.emoji,
            actor=terminal.operator(),
            remove=words.remove,
            channel_id=channel_id,
        )
        if words.json:
            what = {"removed": done.emoji} if done.removed else {"added": done.emoji}
            terminal.print_json(self.stdout, {"ok": True, "channel": CHANNEL, "messageId": done.post_id} | what)
        else:
            self.stdout.write(str(done))

    def _read(self, account_pk: int, words: Words) -> None:
        limit = whole_number("limit", words.limit, default=recent_posts.DEFAULT_LIMIT, least=1, most=200)
        target = self._target(account_pk, words)
        posts = recent_posts.read(account_pk, target, limit=limit, before=words.before.strip())
        if words.json:
            rows = [asdict(post) for post in posts]
            terminal.print_json(self.stdout, {"ok": True, "channel": CHANNEL, "posts": rows})
            return
        if not posts:
            self.stdout.write("Nothing was written there.")
        for post in posts:
            when = datetime.fromtimestamp(post.at_ms / 1000, tz=UTC)
            files = f" [{len(post.files)} file(s)]" if post.files else ""
            name = post.username or post.user_id
            self.stdout.write(f"{when:%Y-%m-%d %H:%M:%S} UTC\t{post.post_id}\t@{name}\t{post.text}{files}")

    def _buttons(self, account_pk: int, words: Words) -> None:
        """A signed attachment, as a script puts it into a post's `props.attachments`; nothing is posted."""
        account = usable(account_pk)
        channel_id = targets.resolve(account, words.target).channel_id if words.target.strip() else ""
        rows = read_json("buttons", words.buttons)
        if rows is None:
            raise WrongWords("The buttons are missing: --buttons with rows of text and callback_data, as JSON.")
        made = buttons.signed(account, rows, channel_id=channel_id, text=words.message)
        if problem := buttons.callback_problem(account):
            self.stderr.write(self.style.WARNING(problem))
        terminal.print_json(self.stdout, {"attachments": made})

    def _target(self, account_pk: int, words: Words) -> targets.Target:
        if not words.target.strip():
            raise WrongWords(
                "Delivering to Mattermost requires --target <channelId|@username|user:ID|channel:ID>, or a #channel."
            )
        return targets.resolve(usable(account_pk), words.target)
