"""The operators' panel on the Django admin, one module for each kind of record.

Modules are thin: they show records in the panel's one visual language (`looks`), and what they let people do are verbs
(`verbs`) and forms that call services. Nothing here changes a record by itself.
"""

from mattermost_bridge.admin import (
    access,
    access_groups,
    accounts,
    agents,
    alert_notices,
    alert_targets,
    alerts,
    audit_log,
    bindings,
    blocked,
    channel_settings,
    connections,
    conversations,
    defaults,
    deliveries,
    direct_channels,
    events,
    pairing,
    scheduled_messages,
    send_keys,
    skills,
    staff,
    turns,
    users,
)

__all__ = [
    "access",
    "access_groups",
    "accounts",
    "agents",
    "alert_notices",
    "alert_targets",
    "alerts",
    "audit_log",
    "bindings",
    "blocked",
    "channel_settings",
    "connections",
    "conversations",
    "defaults",
    "deliveries",
    "direct_channels",
    "events",
    "pairing",
    "scheduled_messages",
    "send_keys",
    "skills",
    "staff",
    "turns",
    "users",
]
