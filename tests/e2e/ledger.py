"""What people wrote and what the bot visibly answered: what is lost, doubled, or out of order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mattermost_bridge.sandbox.testing import SandboxClient

#: The prop that carries a delivery's mark, as it stands in posts.
MARK = "durar_mark"


@dataclass(frozen=True)
class Sent:
    """One post of a person, and the answers it deserves (none: it is to be ignored)."""

    who: str
    channel_id: str
    root_id: str
    text: str
    post_id: str
    create_at: int
    bot: str
    answers: tuple[str, ...]


@dataclass
class Balance:
    """The ledger's result. Each fault is a sentence."""

    sent: int = 0
    deserving: int = 0
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.lost, *self.doubled, *self.out_of_order, *self.unexpected]

    @property
    def clean(self) -> bool:
        """Whether every post that deserves an answer has exactly its own, in order."""
        return not self.faults


def echo_of(text: str, bot: str = "durar") -> str:
    """What the echo agent answers to a plain text, with the mention taken out."""
    return f"You said: {text.replace(f'@{bot}', '').strip()}"


class Ledger:
    """Posts as people and keeps what was sent; `balance` compares it with what stands in the sandbox."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._sandbox = sandbox
        self.sent: list[Sent] = []

    def post(
        self,
        who: str,
        to: str,
        text: str,
        *,
        root_id: str = "",
        bot: str = "durar",
        answers: tuple[str, ...] | None = None,
    ) -> Sent:
        """Post as a person. Without `answers` one echo is expected; `()` expects silence."""
        post = self._sandbox.post(who, to, text, root_id=root_id)
        return self.note(who, post, bot=bot, answers=answers)

    def note(
        self, who: str, post: dict[str, Any], *, bot: str = "durar", answers: tuple[str, ...] | None = None
    ) -> Sent:
        """Keep a post that was made elsewhere."""
        expected = (echo_of(post["message"], bot),) if answers is None else answers
        sent = Sent(
            who, post["channel_id"], post["root_id"], post["message"], post["id"], post["create_at"], bot, expected
        )
        self.sent.append(sent)
        return sent

    def answers(self, channel_id: str, bot: str = "durar") -> list[dict[str, Any]]:
        """The bot's visible posts of a channel that carry a mark, oldest first."""
        bot_id = self._sandbox.user_id(bot)
        rows = self._sandbox.posts(channel_id)
        return [row for row in rows if row["user_id"] == bot_id and row["props"].get(MARK)]

    def balance(self) -> Balance:
        """Compare what was sent with what is visible now."""
        result = Balance(sent=len(self.sent), deserving=sum(bool(one.answers) for one in self.sent))
        lanes: dict[tuple[str, str, str], list[Sent]] = {}
        for one in sorted(self.sent, key=lambda sent: (sent.create_at, sent.post_id)):
            lanes.setdefault((one.bot, one.channel_id, one.root_id), []).append(one)
        for bot, channel_id in sorted({lane[:2] for lane in lanes}):
            made = self.answers(channel_id, bot)
            marks = Counter(row["props"][MARK] for row in made)
            result.doubled += [f"the mark {mark} stands {count} times" for mark, count in marks.items() if count > 1]
            for root_id in sorted({row["root_id"] for row in made} | {key[2] for key in lanes if key[1] == channel_id}):
                texts = [row["message"] for row in made if row["root_id"] == root_id]
                self._compare(result, lanes.get((bot, channel_id, root_id), []), texts, channel_id)
        return result

    def settled(self) -> bool:
        """Whether every answer that is deserved is there; look at `balance` then for the rest."""
        balance = self.balance()
        return not balance.lost

    def _compare(self, result: Balance, sent: list[Sent], got: list[str], channel_id: str) -> None:
        where = f"in {channel_id}"
        # Posts of one millisecond have no order: whichever came first is answered first.
        place = {text: number for number, text in reversed([*enumerate(got)])}
        sent = sorted(sent, key=lambda one: (one.create_at, *(place.get(answer, -1) for answer in one.answers)))
        expected = [answer for one in sent for answer in one.answers]
        missing, extra = Counter(expected) - Counter(got), Counter(got) - Counter(expected)
        for one in sent:
            if one.answers and not any(missing[answer] for answer in one.answers):
                result.answered += 1
        names = {answer: one.who for one in sent for answer in one.answers}
        result.lost += [f"{names[text]} never got {text[:80]!r} {where}" for text in missing.elements()]
        for text in extra.elements():
            target = result.doubled if text in expected else result.unexpected
            target.append(f"one too many: {text[:80]!r} {where}")
        both = Counter(expected) & Counter(got)
        if _only(expected, both) != _only(got, both):
            result.out_of_order.append(f"{where}: expected {_only(expected, both)}, got {_only(got, both)}")


def _only(texts: list[str], counted: Counter[str]) -> list[str]:
    """The texts that stand in `counted`, each as often as it is counted there."""
    left = counted.copy()
    kept = []
    for text in texts:
        if left[text]:
            left[text] -= 1
            kept.append(text)
    return kept
