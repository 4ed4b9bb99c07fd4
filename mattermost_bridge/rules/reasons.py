"""Why an event ended as it did: every reason code, with what an operator reads about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.types import Outcome


class Reason(StrEnum):
    """A reason code. It is stored with the event, so a code never changes its meaning.

    `outcome` is the one outcome that the reason belongs to, None when nothing could be decided.
    `label` is for lists and charts, `sentence` says what happened, `remedy` what an operator can do
    ("" when nothing needs doing).
    """

    outcome: Outcome | None
    label: str
    sentence: str
    remedy: str

    def __new__(cls, code: str, outcome: Outcome | None, label: str, sentence: str, remedy: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.outcome = outcome
        member.label = label
        member.sentence = sentence
        member.remedy = remedy
        return member

    # Not meant for the bot.
    OWN_POST = (
        "own_post",
        Outcome.IGNORED,
        _("Own post"),
        _("The bot wrote this post itself."),
        "",
    )
    SYSTEM_POST = (
        "system_post",
        Outcome.IGNORED,
        _("System post"),
        _("Mattermost wrote this post, for example because somebody joined the channel."),
        "",
    )
    OTHER_BOT = (
        "other_bot",
        Outcome.IGNORED,
        _("Post of another bot"),
        _("Another bot wrote this post, and this account does not answer bots."),
        _("Let the account answer bots and webhooks, if this one should be answered."),
    )
    OTHER_WEBHOOK = (
        "other_webhook",
        Outcome.IGNORED,
        _("Post of a webhook"),
        _("A webhook or a slash command made this post, not the person whose name it carries."),
        _("Let the account answer bots and webhooks, if this one should be answered."),
    )
    SENDER_MISSING = (
        "sender_missing",
        Outcome.IGNORED,
        _("No sender"),
        _("The post names no sender, so nobody's rights could be looked up."),
        _("If this happens often, ask the administrator of the Mattermost server which plugin makes such posts."),
    )
    EMPTY_POST = (
        "empty_post",
        Outcome.IGNORED,
        _("Empty post"),
        _("The post has neither text nor files."),
        "",
    )
    EDIT_NOT_CONSIDERED = (
        "edit_not_considered",
        Outcome.IGNORED,
        _("Edited post"),
        _(
            "This is a later edit of a post. An edit wakes the bot once, when it adds the first mention to a post in a "
            "channel that got no answer."
        ),
        _("Ask the person to write a new message."),
    )
    NO_MENTION = (
        "no_mention",
        Outcome.IGNORED,
        _("Bot not mentioned"),
        _("In this channel the bot answers only when it is mentioned, and this post does not mention it."),
        _("Ask people to mention the bot by its name with @, or let it answer without a mention in this channel."),
    )
    NOT_TRIGGERED = (
        "not_triggered",
        Outcome.IGNORED,
        _("No trigger prefix"),
        _(
            "In this channel the bot answers what begins with a trigger prefix or mentions it, and this post does "
            "neither."
        ),
        _("Ask people to begin with one of the trigger prefixes, or to mention the bot by its name with @."),
    )
    TOO_OLD = (
        "too_old",
        Outcome.IGNORED,
        _("Too old to answer"),
        _("The post was found after the bot had been away, and it is older than this account still answers."),
        _("If it should be answered, ask the person to write again, or let the account answer older posts."),
    )
    REACTION_NO_SESSION = (
        "reaction_no_session",
        Outcome.IGNORED,
        _("Reaction without session"),
        _("Somebody reacted where nothing was said to the bot yet, so there is no session that it belongs to."),
        "",
    )
    STOPPED = (
        "stopped",
        Outcome.IGNORED,
        _("Stopped by /stop"),
        _("This message was waiting when somebody wrote /stop in its session, which drops what waits."),
        _("Ask the person to write it again if it should be answered after all."),
    )
    KIND_NOT_USED = (
        "kind_not_used",
        Outcome.IGNORED,
        _("Kind not used"),
        _("Events of this kind are kept, but nothing is done with them yet."),
        "",
    )
    BEFORE_LISTENING = (
        "before_listening",
        Outcome.IGNORED,
        _("Before the bot listened"),
        _(
            "The post was written just before the bot began to listen here; what is older is history and is not "
            "answered."
        ),
        _("If it should be answered, ask the person to write it again."),
    )
    CHANNEL_GONE = (
        "channel_gone",
        Outcome.IGNORED,
        _("Channel left or gone"),
        _("The bot cannot see this channel any more: it was removed from it, or the channel was archived or deleted."),
        _("Invite the bot to the channel again if it should answer there."),
    )
    UNREADABLE = (
        "unreadable",
        Outcome.IGNORED,
        _("Unreadable event"),
        _("What Mattermost sent could not be read as an event; the bytes are kept."),
        _("Look at the kept bytes on the event's page. If the sender waits for an answer, ask for the message again."),
    )

    PUT_ASIDE = (
        "put_aside",
        Outcome.IGNORED,
        _("Put aside"),
        _("Deciding about this event failed, and an operator put it aside. Nobody answers it."),
        "",
    )

    # Meant for the bot, by somebody who may not.
    BLOCKED = (
        "blocked",
        Outcome.REFUSED,
        _("Person blocked"),
        _("This person is blocked. A block beats every list, and blocked people get no reply."),
        _("Remove the person from the blocked people if that is no longer right."),
    )
    DM_DISABLED = (
        "dm_disabled",
        Outcome.REFUSED,
        _("Direct messages off"),
        _("Direct messages are switched off for this account."),
        _("Set the direct message policy to pairing, allowlist or open if people should be able to write to the bot."),
    )
    DM_NOT_LISTED = (
        "dm_not_listed",
        Outcome.REFUSED,
        _("Not on direct list"),
        _("No valid entry of the direct message list matches this person."),
        _("Add the person's user id to the list. With the policy “open” the list needs the entry *."),
    )
    PAIRING_QUEUE_FULL = (
        "pairing_queue_full",
        Outcome.REFUSED,
        _("Pairing queue full"),
        _(
            "The person would have got a pairing code, but the most requests that may wait for this account are "
            "waiting."
        ),
        _("Approve, reject or block the requests that wait; then the person can write again."),
    )
    REACTION_NOT_PAIRED = (
        "reaction_not_paired",
        Outcome.REFUSED,
        _("Reaction, not paired"),
        _("Somebody reacted in a direct message who may not write to the bot. Reactions never ask for a pairing code."),
        _("If the person should be able to use the bot, they have to write to it; then approve the pairing request."),
    )
    CLICK_NOT_PAIRED = (
        "click_not_paired",
        Outcome.REFUSED,
        _("Click, not paired"),
        _(
            "Somebody clicked a button in a direct message who may not write to the bot. Clicks ask for no pairing "
            "code."
        ),
        _("If the person should be able to use the bot, they have to write to it; then approve the pairing request."),
    )
    CLICK_NOT_OPENER = (
        "click_not_opener",
        Outcome.REFUSED,
        _("Click by somebody else"),
        _("These buttons were made for one person, and somebody else clicked."),
        _("The person for whom they were made can still click. Others can ask the bot for buttons of their own."),
    )
    CHANNEL_OFF = (
        "channel_off",
        Outcome.REFUSED,
        _("Off in channel"),
        _("The bot is switched off in this channel."),
        _(
            "Switch it on in the channel's settings, or give this channel settings of its own where it is off "
            "everywhere."
        ),
    )
    COMMAND_REFUSED = (
        "command_refused",
        Outcome.REFUSED,
        _("Command not allowed"),
        _(
            "This is a control command, and in channels only people who stand on one of the account's lists may use "
            "those."
        ),
        _(
            "Add the person's user id to the list for direct messages or for channels, or switch off that control "
            "commands "
            "need a list."
        ),
    )
    LOOP_BUDGET = (
        "loop_budget",
        Outcome.REFUSED,
        _("Loop budget used"),
        _(
            "This bot was answered as often within ten minutes in this channel as the account allows. Two bots that "
            "answer "
            "each other would never end."
        ),
        _("Look at what the two bots say to each other. Raise the account's answers to one bot if that is meant."),
    )
    GROUP_DISABLED = (
        "group_disabled",
        Outcome.REFUSED,
        _("Channels off"),
        _("Messages in channels and groups are switched off for this account."),
        _("Set the group policy to allowlist or open if the bot should answer in channels."),
    )
    GROUP_LIST_EMPTY = (
        "group_list_empty",
        Outcome.REFUSED,
        _("Group list empty"),
        _(
            "Channels and groups are open only to listed people, and the list has no valid entry, so nobody is "
            "admitted."
        ),
        _("Add people to the group list, or set the group policy to open."),
    )
    GROUP_NOT_LISTED = (
        "group_not_listed",
        Outcome.REFUSED,
        _("Not on group list"),
        _(
            "No valid entry of the list for channels and groups matches this person. A pairing opens direct messages "
            "only."
        ),
        _("Add the person's user id to the group list, or set the group policy to open."),
    )
    REVOKED_MEANWHILE = (
        "revoked_meanwhile",
        Outcome.REFUSED,
        _("Right withdrawn"),
        _("The message had been admitted, but the person's right was withdrawn before the bot began to answer."),
        _("Give the right again if it was withdrawn by mistake, and ask the person to write again."),
    )

    # Asked to have a code approved.
    PAIRING_REQUIRED = (
        "pairing_required",
        Outcome.CHALLENGED,
        _("Pairing code sent"),
        _("The person is not known yet and was sent a pairing code."),
        _(
            "Approve or reject the pairing request. After an approval this message is answered; a slash command has to "
            "be typed again."
        ),
    )
    PAIRING_REPEATED = (
        "pairing_repeated",
        Outcome.CHALLENGED,
        _("Pairing still waits"),
        _("The person wrote again while the pairing request waits. The code stays the same and is not sent twice."),
        _(
            "Approve or reject the pairing request. After an approval this message is answered; a slash command has to "
            "be typed again."
        ),
    )

    # It gets a turn.
    ADMITTED_DM_OPEN = (
        "admitted_dm_open",
        Outcome.ADMITTED,
        _("Direct, open"),
        _("Direct messages are open, and the list matches this person."),
        "",
    )
    ADMITTED_DM_LISTED = (
        "admitted_dm_listed",
        Outcome.ADMITTED,
        _("Direct, listed"),
        _("An entry of the direct message list matches this person."),
        "",
    )
    ADMITTED_DM_PAIRED = (
        "admitted_dm_paired",
        Outcome.ADMITTED,
        _("Direct, paired"),
        _("The person's pairing was approved."),
        "",
    )
    ADMITTED_MENTIONED = (
        "admitted_mentioned",
        Outcome.ADMITTED,
        _("Bot mentioned"),
        _("The person may use the bot here and mentioned it."),
        "",
    )
    ADMITTED_CLICK = (
        "admitted_click",
        Outcome.ADMITTED,
        _("Button clicked"),
        _("The person may use the bot here and clicked one of its buttons."),
        "",
    )
    ADMITTED_UNMENTIONED = (
        "admitted_unmentioned",
        Outcome.ADMITTED,
        _("No mention needed"),
        _("The person may use the bot here, and the bot answers here without being mentioned."),
        "",
    )
    ADMITTED_PREFIX = (
        "admitted_prefix",
        Outcome.ADMITTED,
        _("Trigger prefix"),
        _("The person may use the bot here and began with a trigger prefix."),
        "",
    )
    ADMITTED_FOLLOW_UP = (
        "admitted_follow_up",
        Outcome.ADMITTED,
        _("Follow-up in thread"),
        _(
            "The person may use the bot here and wrote in a thread in which the bot answered within the last seven "
            "days."
        ),
        "",
    )
    ADMITTED_COMMAND = (
        "admitted_command",
        Outcome.ADMITTED,
        _("Control command"),
        _("The person may use the bot here and wrote a control command, which needs no mention."),
        "",
    )
    ADMITTED_SLASH = (
        "admitted_slash",
        Outcome.ADMITTED,
        _("Slash command"),
        _("The person may use the bot here and used one of its slash commands, which need no mention."),
        "",
    )
    REACTION_NOTED = (
        "reaction_noted",
        Outcome.ADMITTED,
        _("Reaction noted"),
        _("The person may use the bot here. The agent is told of the reaction when it is asked the next time."),
        "",
    )

    # Nothing can be decided yet.
    CHANNEL_TYPE_UNKNOWN = (
        "channel_type_unknown",
        Outcome.WAITING,
        _("Channel type unknown"),
        _("It is not known yet whether this is a direct message or a channel. The channel is being looked up."),
        _("If this lasts, check that the account is connected and that its server answers."),
    )
    NO_AGENT = (
        "no_agent",
        Outcome.WAITING,
        _("No agent"),
        _("The message deserves an answer, but the account has no agent that could give one."),
        _("Choose an agent for the account. The messages that wait are answered then."),
    )
    FAILED_PROCESSING = (
        "failed_processing",
        None,
        _("Processing failed"),
        _("Five attempts to decide about this event failed. It no longer holds back later ones."),
        _("Read the error on the event's page, remove its cause, and process the event again."),
    )


REASONS: dict[str, Reason] = {reason.value: reason for reason in Reason}
"""Every reason by its code, for codes that were read from a record."""
