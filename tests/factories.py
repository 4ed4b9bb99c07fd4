"""Makes records for tests, realistic enough to be looked at. Services are not called: each row stands for itself."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.utils import timezone

from mattermost_bridge import models
from mattermost_bridge.models import states
from mattermost_bridge.rules.reasons import Reason

WORDS = (
    "Can you summarise yesterday's incident for me?",
    "The deployment of billing failed again. What changed since Friday?",
    "Please write a short answer to the customer in ticket 4711: we are sorry, and the refund is on its way.",
    "hello",
    "thanks!",
)
ANSWERS = (
    "Yesterday at 14:02 the database of the shop was away for six minutes. Nothing was lost.",
    "Three commits touched billing since Friday:\n\n- raise the timeout\n- new tax table\n- fix a typo",
    "Done.",
)
PEOPLE = ("carol", "dave", "erin", "frank", "grace")


def mattermost_id(word: str, number: int) -> str:
    """A 26-character id that is easy to read in a failure."""
    return f"{word}{number}".ljust(26, "x")[:26]


class AgentFactory(factory.django.DjangoModelFactory):
    """An agent behind an OpenAI-compatible server."""

    class Meta:
        model = models.Agent

    slug = factory.Sequence(lambda n: f"agent-{n}")
    name = factory.Sequence(lambda n: f"Agent {n}")
    backend = states.AgentBackend.OPENAI_COMPATIBLE
    base_url = "https://llm.example.com/v1"
    model = "small-model"
    api_key = "sk-secret-of-an-agent"
    api_key_set_at = factory.LazyFunction(timezone.now)


class AccountFactory(factory.django.DjangoModelFactory):
    """An enabled account with a token and a connection that is ready."""

    class Meta:
        model = models.Account
        skip_postgeneration_save = True

    account_id = factory.Sequence(lambda n: f"account-{n}")
    name = factory.Sequence(lambda n: f"Account {n}")
    base_url = "https://chat.example.com"
    bot_token = factory.Sequence(lambda n: f"tokentokentokentoken{n:06d}")
    bot_token_set_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=12))
    bot_user_id = factory.Sequence(lambda n: mattermost_id("bot", n))
    bot_username = factory.Sequence(lambda n: f"bot{n}")
    agent = factory.SubFactory(AgentFactory)
    lease = factory.RelatedFactory("tests.factories.ListenerLeaseFactory", factory_related_name="account")
    outbox = factory.RelatedFactory("tests.factories.OutboxStateFactory", factory_related_name="account")


class ListenerLeaseFactory(factory.django.DjangoModelFactory):
    """A connection that is ready."""

    class Meta:
        model = models.ListenerLease

    account = factory.SubFactory(AccountFactory, lease=None)
    phase = states.ConnectionPhase.READY
    holder = "worker-1"


class OutboxStateFactory(factory.django.DjangoModelFactory):
    """An outbox that may send."""

    class Meta:
        model = models.OutboxState

    account = factory.SubFactory(AccountFactory, outbox=None)


class ConnectionChangeFactory(factory.django.DjangoModelFactory):
    """A connection that was lost."""

    class Meta:
        model = models.ConnectionChange

    account = factory.SubFactory(AccountFactory)
    old = states.ConnectionPhase.READY
    new = states.ConnectionPhase.BACKING_OFF
    reason = "The server closed the connection (1006). It is tried again in 4 seconds."
    holder = "worker-1"


class KnownChannelFactory(factory.django.DjangoModelFactory):
    """A channel's name."""

    class Meta:
        model = models.KnownChannel

    account = factory.SubFactory(AccountFactory)
    channel_id = factory.Sequence(lambda n: mattermost_id("channel", n))
    type = "O"
    name = factory.Sequence(lambda n: f"support-{n}")
    display_name = factory.Sequence(lambda n: f"Support {n}")


class KnownPersonFactory(factory.django.DjangoModelFactory):
    """A person's name."""

    class Meta:
        model = models.KnownPerson

    account = factory.SubFactory(AccountFactory)
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")


class PairingRequestFactory(factory.django.DjangoModelFactory):
    """A request that waits."""

    class Meta:
        model = models.PairingRequest

    account = factory.SubFactory(AccountFactory)
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    channel_id = factory.Sequence(lambda n: mattermost_id("dm", n))
    code = factory.Sequence(lambda n: f"CDE{n:05d}".translate(str.maketrans("01", "WX")))
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=50))


class AccessEntryFactory(factory.django.DjangoModelFactory):
    """An entry made in the panel."""

    class Meta:
        model = models.AccessEntry

    account = factory.SubFactory(AccountFactory)
    value = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    note = "On call this month"


class AccessGroupFactory(factory.django.DjangoModelFactory):
    """A set of people."""

    class Meta:
        model = models.AccessGroup

    name = factory.Sequence(lambda n: f"Night shift {n}")


class AccessGroupMemberFactory(factory.django.DjangoModelFactory):
    """Somebody in an access group."""

    class Meta:
        model = models.AccessGroupMember

    group = factory.SubFactory(AccessGroupFactory)
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    note = "On call this month"


class GroupOverrideFactory(factory.django.DjangoModelFactory):
    """A channel in which no mention is needed."""

    class Meta:
        model = models.GroupOverride

    account = factory.SubFactory(AccountFactory)
    channel_id = factory.Sequence(lambda n: mattermost_id("channel", n))
    channel_name = factory.Sequence(lambda n: f"Support {n}")
    require_mention = False


class BlockedUserFactory(factory.django.DjangoModelFactory):
    """A person who is blocked for an account."""

    class Meta:
        model = models.BlockedUser

    account = factory.SubFactory(AccountFactory)
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    reason = "Sends the same question every minute"


class ConversationFactory(factory.django.DjangoModelFactory):
    """Direct messages with one person."""

    class Meta:
        model = models.Conversation

    account = factory.SubFactory(AccountFactory)
    session_key = factory.Sequence(lambda n: f"agent:main:mattermost:direct:{n}")
    channel_id = factory.Sequence(lambda n: mattermost_id("dm", n))
    channel_type = "D"
    peer_id = factory.Sequence(lambda n: mattermost_id("user", n))
    title = factory.Sequence(lambda n: f"@{PEOPLE[n % len(PEOPLE)]}{n}")


class TurnFactory(factory.django.DjangoModelFactory):
    """A turn that was answered."""

    class Meta:
        model = models.Turn

    conversation = factory.SubFactory(ConversationFactory)
    agent = factory.SubFactory(AgentFactory)
    state = states.TurnState.DONE
    starts = 1
    question = factory.Sequence(lambda n: WORDS[n % len(WORDS)])
    answer = factory.Sequence(lambda n: ANSWERS[n % len(ANSWERS)])
    model = "small-model"
    input_tokens = 812
    output_tokens = 64
    started_at = factory.LazyFunction(timezone.now)
    finished_at = factory.LazyFunction(lambda: timezone.now() + timedelta(seconds=2.3))


TRAIL = [
    {"name": "written by the bot itself", "value": "no", "source": "post", "passed": True},
    {"name": "channel type", "value": "direct message", "source": "Mattermost", "passed": True},
    {"name": "blocked", "value": "no", "source": "blocked people", "passed": True},
    {"name": "direct message policy", "value": "pairing", "source": "built-in", "passed": True},
    {"name": "direct message list", "value": "no valid entry", "source": "built-in", "passed": None},
    {"name": "pairing", "value": "not approved", "source": "pairings", "passed": False},
]


class InboundEventFactory(factory.django.DjangoModelFactory):
    """A direct message that was refused."""

    class Meta:
        model = models.InboundEvent

    account = factory.SubFactory(AccountFactory)
    dedupe_key = factory.Sequence(lambda n: mattermost_id("post", n))
    post_id = factory.Sequence(lambda n: mattermost_id("post", n))
    channel_id = factory.Sequence(lambda n: mattermost_id("dm", n))
    channel_type = "D"
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    text = factory.Sequence(lambda n: WORDS[n % len(WORDS)])
    create_at = factory.LazyFunction(lambda: int(timezone.now().timestamp() * 1000))
    state = states.EventState.DECIDED
    outcome = states.EventOutcome.CHALLENGED
    reason = Reason.PAIRING_REQUIRED
    trail = factory.LazyFunction(lambda: [dict(check) for check in TRAIL])
    decided_at = factory.LazyFunction(timezone.now)


class DeliveryFactory(factory.django.DjangoModelFactory):
    """An answer that was given up."""

    class Meta:
        model = models.Delivery

    account = factory.SubFactory(AccountFactory)
    channel_id = factory.Sequence(lambda n: mattermost_id("channel", n))
    text = factory.Sequence(lambda n: ANSWERS[n % len(ANSWERS)])
    state = states.DeliveryState.DEAD
    attempts = 3
    since_ms = factory.LazyFunction(lambda: int(timezone.now().timestamp() * 1000))
    error = "POST /api/v4/posts answered 403: the bot is not a member of the channel. Invite it again."
    error_id = "api.context.permissions.app_error"
    settled_at = factory.LazyFunction(timezone.now)


class DirectChannelFactory(factory.django.DjangoModelFactory):
    """A job that waits for its second attempt."""

    class Meta:
        model = models.DirectChannel

    account = factory.SubFactory(AccountFactory)
    user_id = factory.Sequence(lambda n: mattermost_id("user", n))
    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n}")
    attempt = 1
    next_attempt_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=4.5))
    error = "Mattermost API 503 Service Unavailable: unknown error"
    error_status = 503
    max_retries = 3
    initial_delay_ms = 1000
    max_delay_ms = 10_000
    timeout_ms = 30_000


class WaitingDeliveryFactory(DeliveryFactory):
    """A message that waits until the person's direct channel is open."""

    channel_id = ""
    direct_channel = factory.SubFactory(DirectChannelFactory)
    account = factory.SelfAttribute("direct_channel.account")
    recipient_id = factory.SelfAttribute("direct_channel.user_id")
    kind = states.DeliveryKind.MESSAGE
    state = states.DeliveryState.QUEUED
    attempts = 0
    error = error_id = ""
    settled_at = None


class DeliveryAttemptFactory(factory.django.DjangoModelFactory):
    """An attempt that failed."""

    class Meta:
        model = models.DeliveryAttempt

    delivery = factory.SubFactory(DeliveryFactory)
    number = factory.Sequence(lambda n: n + 1)
    status = 502
    error = "The server answered 502 Bad Gateway."


class AuditEntryFactory(factory.django.DjangoModelFactory):
    """Something that an operator did."""

    class Meta:
        model = models.AuditEntry

    actor_name = "alice"
    via = "panel"
    verb = "account.update"
    account = factory.SubFactory(AccountFactory)
    target_kind = "account"
    target_id = factory.SelfAttribute("account.pk")
    summary = factory.LazyAttribute(lambda entry: f"The account {entry.account.account_id} was changed: name.")
    details = factory.LazyFunction(lambda: {"name": ["Support", "Support team"], "token": "changed"})


class AlertFactory(factory.django.DjangoModelFactory):
    """An account that is down."""

    class Meta:
        model = models.Alert

    account = factory.SubFactory(AccountFactory)
    kind = states.AlertKind.ACCOUNT_DOWN
    sentence = factory.LazyAttribute(lambda alert: f'The account "{alert.account.account_id}" is not connected.')
    remedy = "Check that the server answers."
    page = factory.LazyAttribute(lambda alert: f"/mattermost_bridge/account/{alert.account.pk}/change/")


class AlertTargetFactory(factory.django.DjangoModelFactory):
    """A webhook that is told of everything; with `channel`, a channel for one account."""

    class Meta:
        model = models.AlertTarget
        skip_postgeneration_save = True

    class Params:
        channel = factory.Trait(
            kind=states.AlertTargetKind.MATTERMOST,
            account=factory.SubFactory(AccountFactory),
            channel_id=factory.Sequence(lambda n: mattermost_id("channel", n)),
            all_accounts=False,
        )

    name = factory.Sequence(lambda n: f"On call {n}")
    url = "https://hooks.example.com/secret-of-a-webhook"
    url_host = "https://hooks.example.com"
    url_set_at = factory.LazyFunction(timezone.now)
    signing_secret = "signing-secret-of-a-webhook"
    secret_set_at = factory.LazyFunction(timezone.now)
    kinds = factory.LazyFunction(lambda: list(states.AlertKind.values))

    @factory.post_generation
    def chosen(self, create, extracted, **kwargs):
        """A target for one account is told about the one that posts."""
        if create and not self.all_accounts:
            self.accounts.set([self.account])


class AlertNoticeFactory(factory.django.DjangoModelFactory):
    """A note that was given up."""

    class Meta:
        model = models.AlertNotice

    alert = factory.SubFactory(AlertFactory)
    target = factory.SubFactory(AlertTargetFactory)
    target_name = factory.LazyAttribute(lambda notice: notice.target.name)
    about = states.NoticeAbout.RAISED
    state = states.NoticeState.DEAD
    attempts = 1
    error = "The webhook at hooks.example.com answers 404 and does not take alerts. Check the address."
    settled_at = factory.LazyFunction(timezone.now)
