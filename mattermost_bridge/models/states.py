"""Every state that a record can have: its word for operators and its tone.

Templates and tables ask `tone`, never for a colour: good, busy, warning, bad or idle.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Toned(models.TextChoices):
    """Choices that know their tone."""

    @property
    def tone(self) -> str:
        """good, busy, warning, bad or idle."""
        return _TONES[type(self).__name__][self.value]


class DmPolicy(models.TextChoices):
    """Who may write to the bot directly."""

    PAIRING = "pairing", _("Pairing: strangers get a code")
    ALLOWLIST = "allowlist", _("Allowlist: only listed people")
    OPEN = "open", _("Open: everybody that the list admits (* for all)")
    DISABLED = "disabled", _("Disabled: no direct messages")


class GroupPolicy(models.TextChoices):
    """Who may ask the bot in channels and groups."""

    ALLOWLIST = "allowlist", _("Allowlist: only listed people")
    OPEN = "open", _("Open: every member")
    DISABLED = "disabled", _("Disabled: no channels")


class SecondFactor(models.TextChoices):
    """Of whom a second factor is required when they sign in to the panel."""

    OFF = "off", _("Nobody: who wants one can set it up")
    ADMINISTRATORS = "administrators", _("Administrators")
    EVERYBODY = "everybody", _("Everybody")


class AccessList(models.TextChoices):
    """Which list an access entry belongs to."""

    DM = "dm", _("Direct messages")
    GROUP = "group", _("Channels and groups")


class PeerKind(models.TextChoices):
    """Where a binding holds."""

    DIRECT = "direct", _("Direct messages with a person")
    CHANNEL = "channel", _("A channel")
    GROUP = "group", _("A group")


class EntrySource(models.TextChoices):
    """Where an access entry came from."""

    CONFIG = "config", _("Configuration file")
    PANEL = "panel", _("Panel")
    PAIRING = "pairing", _("Pairing")


class ConnectionPhase(Toned):
    """Where an account's connection to its server stands."""

    STOPPED = "stopped", _("Not listening")
    NOT_CONFIGURED = "not_configured", _("Not configured")
    DISABLED = "disabled", _("Disabled")
    CONNECTING = "connecting", _("Connecting")
    AUTHENTICATING = "authenticating", _("Signing in")
    CATCHING_UP = "catching_up", _("Catching up")
    READY = "ready", _("Ready")
    BACKING_OFF = "backing_off", _("Waiting to reconnect")
    TOKEN_REFUSED = "token_refused", _("Token refused")


class ConnectionCondition(Toned):
    """What a connection was good for over a time; the values are those of `rules.strips.Condition`."""

    CONNECTED = "connected", _("Connected")
    AWAY = "away", _("Not connected")
    REFUSED = "refused", _("Token refused")
    OFF = "off", _("Off")
    UNKNOWN = "unknown", _("Not there yet")


class PairingState(Toned):
    """What became of a pairing request."""

    PENDING = "pending", _("Waiting")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    EXPIRED = "expired", _("Expired")


class EventState(Toned):
    """Where an incoming event stands."""

    HELD = "held", _("Held until its channel is caught up")
    NEW = "new", _("To be decided")
    WAITING = "waiting", _("Waiting")
    DECIDED = "decided", _("Decided")
    ANSWERED = "answered", _("Answered")
    NOTED = "noted", _("Noted for the next turn")
    FAILED = "failed", _("Failed")


class EventKind(models.TextChoices):
    """What came in."""

    POST = "post", _("Post")
    EDIT = "edit", _("Edit")
    REACTION = "reaction", _("Reaction")
    CLICK = "click", _("Button click")
    COMMAND = "command", _("Slash command")


class EventOutcome(Toned):
    """What was decided about an event; the values are those of `rules.types.Outcome`."""

    NONE = "", _("Undecided")
    IGNORED = "ignored", _("Ignored")
    REFUSED = "refused", _("Refused")
    CHALLENGED = "challenged", _("Asked to pair")
    ADMITTED = "admitted", _("Admitted")


class TurnState(Toned):
    """Where a turn stands."""

    RUNNING = "running", _("Agent is working")
    DONE = "done", _("Answered")
    FAILED = "failed", _("Failed")
    RETRIED = "retried", _("Failed, then tried again")
    CANCELLED = "cancelled", _("Cancelled")


class DeliveryState(Toned):
    """Where a post that is to be made stands."""

    QUEUED = "queued", _("Waiting to be sent")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Not delivered")
    CANCELLED = "cancelled", _("Cancelled")


class DirectChannelState(Toned):
    """Where the opening of a direct channel stands."""

    RESOLVING = "resolving", _("Being opened")
    READY = "ready", _("Open")
    FAILED = "failed", _("Failed")
    GIVEN_UP = "given_up", _("Given up")


class DeliveryKind(models.TextChoices):
    """What a delivery is."""

    ANSWER = "answer", _("Answer")
    FAILURE = "failure", _("Note of a failure")
    CHALLENGE = "challenge", _("Pairing code")
    APPROVAL = "approval", _("Note of approval")
    QUEUE_FULL = "queue_full", _("Note that the queue is full")
    ALERT = "alert", _("Alert for operators")
    MESSAGE = "message", _("Message sent by hand")


class ScheduleKind(models.TextChoices):
    """How often a scheduled message is sent."""

    ONCE = "once", _("Once, at a time")
    CRON = "cron", _("Again and again, by a cron expression")


class LateRule(models.TextChoices):
    """What becomes of a scheduled message whose time passed while nobody could send it."""

    SEND = "send", _("Send it late, once, with a note of when it was due")
    SKIP = "skip", _("Skip it, and go on with the next time")


class ScheduledRunState(Toned):
    """What came of one time of a scheduled message."""

    SENT = "sent", _("Put into the outbox")
    LATE = "late", _("Put into the outbox late")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Not sent")


class AgentBackend(models.TextChoices):
    """Who answers."""

    ECHO = "echo", _("Echo: repeats what it is told, to try the way")
    OPENAI_COMPATIBLE = "openai_compatible", _("OpenAI-compatible server")


class CommandPurpose(models.TextChoices):
    """What a slash command is."""

    BUILTIN = "builtin", _("Built in")
    SKILL = "skill", _("Skill")


class SlashCommandState(Toned):
    """Where a slash command stands in one team."""

    WANTED = "wanted", _("To be registered")
    REGISTERED = "registered", _("Registered")
    FOREIGN = "foreign", _("Name taken by somebody else")
    REFUSED = "refused", _("Permission missing")
    FAILED = "failed", _("Failed")
    REMOVING = "removing", _("To be removed")


class SlashRegistrationState(Toned):
    """Where the registration of an account's slash commands stands."""

    OFF = "off", _("Off")
    DUE = "due", _("To be done")
    RUNNING = "running", _("Being done")
    DONE = "done", _("Done")
    PARTIAL = "partial", _("Done in part")
    FAILED = "failed", _("Failed")


class AlertKind(Toned):
    """What an alert is about; the values are those of `rules.alerts.Kind`."""

    ACCOUNT_DOWN = "account_down", _("Account down")
    TOKEN_REFUSED = "token_refused", _("Token refused")
    PAIRING_WAITING = "pairing_waiting", _("Pairing waiting")
    DELIVERIES_DEAD = "deliveries_dead", _("Messages not delivered")
    NO_AGENT = "no_agent", _("Messages wait for an agent")


class AlertState(Toned):
    """Whether an alert still holds."""

    OPEN = "open", _("Needs a hand")
    OVER = "over", _("Over")


class AlertTargetKind(models.TextChoices):
    """By what way an alert reaches people."""

    WEBHOOK = "webhook", _("Webhook")
    EMAIL = "email", _("E-mail")
    MATTERMOST = "mattermost", _("Mattermost channel")


class AlertTargetState(Toned):
    """Whether alerts reach a target."""

    OFF = "off", _("Switched off")
    UNTRIED = "untried", _("Nothing sent yet")
    WORKS = "works", _("Works")
    FAILS = "fails", _("Does not work")


class NoticeAbout(Toned):
    """What a target is told about an alert; the values are those of `rules.alert_notes`."""

    RAISED = "raised", _("Alert")
    RECOVERED = "recovered", _("Recovery")


class NoticeState(Toned):
    """Where telling a target stands."""

    QUEUED = "queued", _("Waiting to be sent")
    POSTING = "posting", _("In the outbox")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Not sent")
    CANCELLED = "cancelled", _("Cancelled")


#: Undecided events hold back the later ones of their channel.
UNDECIDED = (EventState.HELD, EventState.NEW)
#: A delivery in one of these holds back the later ones of its lane.
UNSETTLED = (DeliveryState.QUEUED, DeliveryState.SENDING)
#: Phases in which the bot hears what is said.
LISTENING = (ConnectionPhase.READY, ConnectionPhase.CATCHING_UP)

_TONES: dict[str, dict[str, str]] = {
    "ConnectionPhase": {
        "stopped": "warning",
        "not_configured": "idle",
        "disabled": "idle",
        "connecting": "busy",
        "authenticating": "busy",
        "catching_up": "busy",
        "ready": "good",
        "backing_off": "warning",
        "token_refused": "bad",
    },
    "ConnectionCondition": {
        "connected": "good",
        "away": "warning",
        "refused": "bad",
        "off": "idle",
        "unknown": "idle",
    },
    "PairingState": {"pending": "warning", "approved": "good", "rejected": "bad", "expired": "idle"},
    "EventState": {
        "held": "busy",
        "new": "busy",
        "waiting": "warning",
        "decided": "idle",
        "answered": "good",
        "noted": "idle",
        "failed": "bad",
    },
    "EventOutcome": {"": "busy", "ignored": "idle", "refused": "bad", "challenged": "warning", "admitted": "good"},
    "TurnState": {"running": "busy", "done": "good", "failed": "bad", "retried": "idle", "cancelled": "idle"},
    "DirectChannelState": {"resolving": "busy", "ready": "good", "failed": "bad", "given_up": "idle"},
    "AlertKind": {
        "account_down": "bad",
        "token_refused": "bad",
        "pairing_waiting": "warning",
        "deliveries_dead": "bad",
        "no_agent": "warning",
    },
    "SlashCommandState": {
        "wanted": "busy",
        "registered": "good",
        "foreign": "warning",
        "refused": "bad",
        "failed": "bad",
        "removing": "busy",
    },
    "SlashRegistrationState": {
        "off": "idle",
        "due": "busy",
        "running": "busy",
        "done": "good",
        "partial": "warning",
        "failed": "bad",
    },
    "AlertState": {"open": "bad", "over": "good"},
    "AlertTargetState": {"off": "idle", "untried": "idle", "works": "good", "fails": "bad"},
    "NoticeAbout": {"raised": "warning", "recovered": "good"},
    "NoticeState": {"queued": "busy", "posting": "busy", "sent": "good", "dead": "bad", "cancelled": "idle"},
    "ScheduledRunState": {"sent": "good", "late": "warning", "skipped": "idle", "failed": "bad"},
    "DeliveryState": {"queued": "busy", "sending": "busy", "sent": "good", "dead": "bad", "cancelled": "idle"},
}
