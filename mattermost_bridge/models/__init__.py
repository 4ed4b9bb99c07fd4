"""The records: accounts and access, channels, agents, conversations and turns, the inbox, the outbox, the listeners,
alerts, and the rights and sessions of those who sign in.

Services write them; the panel reads them. States with their words and tones stand in `states`.
"""

from mattermost_bridge.models.access import AccessEntry, BlockedUser, PairingRequest
from mattermost_bridge.models.access_groups import AccessGroup, AccessGroupMember
from mattermost_bridge.models.accounts import Account, AuditEntry, BridgeDefaults
from mattermost_bridge.models.agents import Agent
from mattermost_bridge.models.alerts import Alert, AlertNotice, AlertTarget
from mattermost_bridge.models.bindings import Binding
from mattermost_bridge.models.buttons import ButtonSecret, ButtonSet
from mattermost_bridge.models.channels import ChannelCursor, KnownChannel, KnownPerson
from mattermost_bridge.models.conversations import Conversation, Turn, TurnRound
from mattermost_bridge.models.deliveries import Delivery, DeliveryAttempt, OutboxState
from mattermost_bridge.models.direct_channels import DirectChannel
from mattermost_bridge.models.events import InboundEvent
from mattermost_bridge.models.group_overrides import GroupOverride
from mattermost_bridge.models.listeners import ConnectionChange, ListenerLease, Tick
from mattermost_bridge.models.rights import AccountGrant, StaffProfile
from mattermost_bridge.models.scheduled import ScheduledMessage, ScheduledRun
from mattermost_bridge.models.send_keys import SendKey, SendRequest
from mattermost_bridge.models.sessions import PanelSession
from mattermost_bridge.models.shared import SharedValue
from mattermost_bridge.models.slash_commands import Skill, SlashCommand, SlashRegistration

__all__ = [
    "AccessEntry",
    "AccessGroup",
    "AccessGroupMember",
    "Account",
    "AccountGrant",
    "Agent",
    "Alert",
    "AlertNotice",
    "AlertTarget",
    "AuditEntry",
    "Binding",
    "BlockedUser",
    "BridgeDefaults",
    "ButtonSecret",
    "ButtonSet",
    "ChannelCursor",
    "ConnectionChange",
    "Conversation",
    "Delivery",
    "DeliveryAttempt",
    "DirectChannel",
    "GroupOverride",
    "InboundEvent",
    "KnownChannel",
    "KnownPerson",
    "ListenerLease",
    "OutboxState",
    "PairingRequest",
    "PanelSession",
    "ScheduledMessage",
    "ScheduledRun",
    "SendKey",
    "SendRequest",
    "SharedValue",
    "Skill",
    "SlashCommand",
    "SlashRegistration",
    "StaffProfile",
    "Tick",
    "Turn",
    "TurnRound",
]
