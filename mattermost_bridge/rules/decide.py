"""What becomes of a post, an edit, a reaction, a click or a slash command: decided here and nowhere else, with every
step of the way."""

from __future__ import annotations

from dataclasses import replace

from mattermost_bridge.rules import control_commands, loops
from mattermost_bridge.rules.access import decide_direct, decide_group
from mattermost_bridge.rules.addressing import is_it_for_the_bot, is_mentioned
from mattermost_bridge.rules.channel_rules import switched_off
from mattermost_bridge.rules.facts import FactMissing, known
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.routing import Route, route
from mattermost_bridge.rules.types import ChannelType, Check, Decision, Fact, IncomingPost, Outcome, Policy

_CHANNEL_NAMES = {
    ChannelType.OPEN: _("open channel"),
    ChannelType.PRIVATE: _("private channel"),
    ChannelType.DIRECT: _("direct message"),
    ChannelType.GROUP: _("group message"),
    ChannelType.UNKNOWN: _("not known yet"),
}


def decide(post: IncomingPost, policy: Policy, *, now_ms: int) -> Decision:
    """What becomes of `post` under an account's effective settings; `now_ms` is now, in milliseconds.

    The checks run in a fixed order and the first that fails ends them. The trail has each of them with the value it
    looked at and where that value comes from. When a check needs a fact that was not looked up, the decision `asks` for
    it and has no reason: look it up and decide again. `Reason.PAIRING_REQUIRED` is not final: whether the person gets a
    code depends on the requests that wait (`pairing.after_looking_at_requests`).
    """
    trail: list[Check] = []
    try:
        if post.is_reaction:
            return _decide_reaction(post, policy, now_ms, trail)
        if post.button:
            return _decide_click(post, policy, now_ms, trail)
        if post.slash:
            return _decide_slash(post, policy, now_ms, trail)
        return _decide_post(post, policy, now_ms, trail)
    except FactMissing as missing:
        return Decision(Outcome.WAITING, "", tuple(trail), asks=(missing.fact,))


def _decide_post(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Decision:
    reason = _what_it_is(post, policy, trail)
    if reason is None:
        reason = _who_may(post, policy, now_ms, trail)
    if reason is not None and reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)

    command = control_commands.command_in(post, policy)
    if command:
        check = control_commands.may_command(post, policy, now_ms=now_ms)
        if check.passed:
            trail.append(check)
        elif post.channel_type is not ChannelType.DIRECT:
            trail.append(check)
            return _may_not_command(trail)
        else:
            # In a direct message it goes on as text: the person may write, only not command.
            trail.append(replace(check, passed=None))
            command = ""
    if reason is None:
        reason = is_it_for_the_bot(post, policy, trail, command=command)
    if reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)

    if not post.text.strip() and not post.has_files:
        trail.append(Check(_("content"), _("neither text nor files"), "post", passed=False))
        return _ended(Reason.EMPTY_POST, trail)
    if loops.is_bot(post):
        trail.append(loops.within_budget(post, policy))
        if not trail[-1].passed:
            return _ended(Reason.LOOP_BUDGET, trail)

    way = _way(post, policy, trail)
    if command:
        return _ended(reason, trail, way, command)
    return _to_the_agent(reason, policy, trail, way)


def _may_not_command(trail: list[Check]) -> Decision:
    return _ended(Reason.COMMAND_REFUSED, trail)


def _to_the_agent(reason: Reason, policy: Policy, trail: list[Check], way: Route) -> Decision:
    """It deserves an answer, which somebody has to give."""
    if not way.agent and not policy.has_agent:
        trail.append(Check(_("agent"), _("none"), policy.source_of("has_agent"), passed=False))
        return _ended(Reason.NO_AGENT, trail, way)
    trail.append(Check(_("agent"), way.agent or _("present"), way.agent_source, passed=True))
    return _ended(reason, trail, way)


def _decide_click(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Decision:
    """A click is a message to the bot in the session of its post. Nobody is asked to pair for it."""
    trail.append(Check(_("button"), post.button, "the post", passed=None))
    reason = _what_it_is(post, policy, trail)
    if reason is None:
        reason = _who_may(post, policy, now_ms, trail)
    if reason is Reason.PAIRING_REQUIRED:
        return _ended(Reason.CLICK_NOT_PAIRED, trail)
    if reason is not None and reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)
    if post.opener_id:
        own = post.user_id == post.opener_id
        trail.append(Check(_("made for"), post.opener_id, "the buttons", passed=own))
        if not own:
            return _ended(Reason.CLICK_NOT_OPENER, trail)
    return _to_the_agent(Reason.ADMITTED_CLICK, policy, trail, _way(post, policy, trail))


def _decide_slash(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Decision:
    """A slash command is a message to the bot, which needs no mention; whoever may write may use it.

    In channels a control command takes what a written one takes: one of the account's lists has to have the person.
    """
    trail.append(Check(_("slash command"), f"/{post.slash}", "Mattermost", passed=None))
    reason = _what_it_is(post, policy, trail)
    if reason is None:
        reason = _who_may(post, policy, now_ms, trail)
    if reason is not None and reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)
    if post.controls and post.channel_type is not ChannelType.DIRECT:
        trail.append(control_commands.may_command(post, policy, now_ms=now_ms))
        if not trail[-1].passed:
            return _may_not_command(trail)
    way = _way(post, policy, trail)
    reason = reason or Reason.ADMITTED_SLASH
    return _ended(reason, trail, way) if post.controls else _to_the_agent(reason, policy, trail, way)


def _decide_reaction(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Decision:
    """A reaction belongs to the session of its post's thread; the agent sees it with its next turn there.

    The same people may react who may write, and nobody is asked to pair for it.
    """
    reason = _what_it_is(post, policy, trail)
    if reason is None:
        reason = _who_may(post, policy, now_ms, trail)
    if reason is Reason.PAIRING_REQUIRED:
        return _ended(Reason.REACTION_NOT_PAIRED, trail)
    if reason is not None and reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)
    root = known(post.reacted, Fact.REACTED)
    trail.append(Check(_("thread of the post"), root or _("none, or not known"), "the bot's records", passed=None))
    return _ended(Reason.REACTION_NOTED, trail, _way(replace(post, root_id=root), policy, trail))


def _way(post: IncomingPost, policy: Policy, trail: list[Check]) -> Route:
    way = route(post, policy)
    place = "no thread"
    if way.reply_root:
        place = "the thread of the post" if post.root_id else "a thread under the post"
    trail.append(Check(_("answered in"), place, way.reply_source, passed=None))
    trail.append(Check(_("session"), way.session_key, "post", passed=None))
    return way


def is_ordinary_type(post_type: str) -> bool:
    """Whether a post of this type was written as a message.

    Everything else is Mattermost's own: types that begin with `system_`, and since Mattermost 9 some without that
    prefix, such as `reminder` and `burn_on_read`. So what counts is named, not what does not.
    """
    return post_type in ("", "me", "slack_attachment") or post_type.startswith("custom_")


def _what_it_is(post: IncomingPost, policy: Policy, trail: list[Check]) -> Reason | None:
    """A reason to stop that lies in the post itself, before anybody's rights are looked at."""

    def stops(name: str, value: str, *, when: bool, source: str = "post") -> bool:
        trail.append(Check(name, value, source, passed=not when))
        return when

    if stops(_("sender"), post.user_id or _("missing"), when=not post.user_id):
        return Reason.SENDER_MISSING
    own = post.user_id == policy.bot_user_id
    if stops(_("written by the bot itself"), _("yes") if own else _("no"), when=own):
        return Reason.OWN_POST
    if stops(_("post type"), post.post_type or _("ordinary"), when=not is_ordinary_type(post.post_type)):
        return Reason.SYSTEM_POST
    wakes, edit = _edit_wakes(post, policy) if post.is_edit else (True, _("no"))
    if stops(_("edit"), edit, when=not wakes):
        return Reason.EDIT_NOT_CONSIDERED
    # Where an account answers bots, that is only noted; their loop budget is looked at further down.
    answers = policy.answers_bots
    bots = policy.source_of("answers_bots") if answers else "post"
    value = (_("yes, and they are answered") if answers else _("yes")) if post.from_webhook else _("no")
    if stops(_("written by a webhook"), value, when=post.from_webhook and not answers, source=bots):
        return Reason.OTHER_WEBHOOK
    value = (_("yes, and they are answered") if answers else _("yes")) if post.from_bot else _("no")
    if stops(_("written by another bot"), value, when=post.from_bot and not answers, source=bots):
        return Reason.OTHER_BOT
    unknown = post.channel_type is ChannelType.UNKNOWN
    if stops(_("channel type"), _CHANNEL_NAMES[post.channel_type], when=unknown, source="Mattermost"):
        return Reason.CHANNEL_TYPE_UNKNOWN
    if post.found_ms:
        age, limit = max(0, post.found_ms - post.create_at) / 3_600_000, policy.answer_within_hours
        value = f"{age:.1f} h old when it was found, " + (f"answered up to {limit:g} h" if limit else "no limit")
        source = policy.source_of("answer_within_hours")
        if stops(_("age"), value, when=bool(limit) and age > (limit or 0), source=source):
            return Reason.TOO_OLD
    return None


def _edit_wakes(post: IncomingPost, policy: Policy) -> tuple[bool, str]:
    """Whether an edit may wake the bot, and why, in words.

    Once for a post: when it brings the first mention to a post of a channel that was heard and got no answer.
    """
    if post.channel_type is ChannelType.DIRECT:
        return False, _("yes, in a direct message")
    if not is_mentioned(post.text, policy):
        return False, _("yes, without a mention")
    if post.channel_type is ChannelType.UNKNOWN:
        return True, _("yes, with a mention")  # it waits for the type, and is looked at again
    earlier = known(post.earlier, Fact.EARLIER)
    if not earlier.known:
        return False, _("yes, of a post that was never heard")
    if earlier.admitted:
        return False, _("yes, of a post that was admitted already")
    if earlier.mentioned:
        return False, _("yes, and the bot was mentioned before it")
    return True, _("yes, it adds the first mention")


def _who_may(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Reason | None:
    """The access rules of the kind of channel: None when a channel's post passes, a final reason otherwise."""
    if post.channel_type is ChannelType.DIRECT:
        verdict = decide_direct(post, policy, now_ms=now_ms)
    else:
        if policy.groups:
            off, source = switched_off(policy, post.channel_id)
            trail.append(Check(_("switched off in the channel"), _("yes") if off else _("no"), source, passed=not off))
            if off:
                return Reason.CHANNEL_OFF
        verdict = decide_group(post, policy, now_ms=now_ms)
    trail.extend(verdict.checks)
    return verdict.reason


def _ended(reason: Reason, trail: list[Check], way: Route | None = None, command: str = "") -> Decision:
    if reason.outcome is None:
        raise ValueError(f"The reason {reason} is not one that a decision can end with.")
    if way is None:
        return Decision(reason.outcome, reason, tuple(trail))
    return Decision(
        reason.outcome,
        reason,
        tuple(trail),
        session_key=way.session_key,
        reply_root=way.reply_root,
        parent_key=way.parent_key,
        agent=way.agent,
        command=command,
    )
