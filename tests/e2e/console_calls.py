"""What the console can be asked for; these functions run inside the stack's Django."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.db import connection, transaction
from django.db.models import Model

from mattermost_bridge.config import effective
from mattermost_bridge.models import AccessEntry, Account, Agent, BridgeDefaults
from mattermost_bridge.services import accounts, agents, messages
from mattermost_bridge.services.audit import SYSTEM


def open_to_all() -> None:
    """Everybody may talk to every bot, and echo answers; direct messages and channels."""
    with transaction.atomic():
        agent = Agent.objects.filter(slug="echo").first() or agents.create(actor=SYSTEM, slug="echo", backend="echo")
        BridgeDefaults.objects.update_or_create(
            pk=1,
            defaults={"own_allow_from": True, "dm_policy": "open", "group_policy": "open", "agent": agent},
        )
        AccessEntry.objects.get_or_create(account=None, list="dm", value="*", source="config")
        effective.bump_version()


def make_account(account_id: str, base_url: str, token: str) -> int:
    """An account that listens; the id of its row."""
    return accounts.create(actor=SYSTEM, account_id=account_id, base_url=base_url, token=token).pk


def set_token(account_id: str, token: str) -> None:
    """Another token, as an operator enters it."""
    accounts.set_token(Account.objects.get(account_id=account_id).pk, actor=SYSTEM, token=token)


def rows(model: str, fields: list[str], order: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return list(_model(model)._default_manager.filter(**filters).order_by(order).values(*fields))


def count(model: str, filters: dict[str, Any]) -> int:
    """How many rows there are."""
    return _model(model)._default_manager.filter(**filters).count()


def service(path: str, positional: list[Any], arguments: dict[str, Any]) -> Any:
    """Call a service function by `module:name`."""
    module, _, name = path.partition(":")
    function = getattr(import_module(f"mattermost_bridge.services.{module}"), name)
    if "actor" in inspect.signature(function).parameters:
        arguments.setdefault("actor", SYSTEM)
    result = function(*positional, **arguments)
    return result.pk if isinstance(result, Model) else result


def _model(name: str) -> type[Model]:
    return apps.get_model("mattermost_bridge", name)


def doubles() -> int:
    """How many deliveries still have a second post that is to be deleted."""
    return apps.get_model("mattermost_bridge", "Delivery").objects.exclude(double_post_ids="").count()


def pair_strangers() -> None:
    """Direct messages by pairing, from now on."""
    with transaction.atomic():
        BridgeDefaults.objects.filter(pk=1).update(dm_policy="pairing", own_allow_from=False)
        effective.bump_version()


def everything_stored() -> str:
    """Every value of every table as it lies in the database, in one text."""
    with connection.cursor() as cursor:
        parts = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            parts += [f"{table}: {row}" for row in cursor.fetchall()]
    return "\n".join(parts)


def make_operator(name: str, password: str) -> None:
    """An administrator of the panel."""
    get_user_model().objects.create_superuser(name, f"{name}@example.com", password)


def use_agent(slug: str, base_url: str, key: str) -> None:
    """Another agent for everybody: a server with the OpenAI chat API."""
    agent = agents.create(
        actor=SYSTEM, slug=slug, backend="openai_compatible", base_url=base_url, api_key=key, model="m", total_time=5
    )
    with transaction.atomic():
        BridgeDefaults.objects.filter(pk=1).update(agent=agent)
        effective.bump_version()


def session(username: str) -> str:
    """A browser's session in which an administrator of this name is signed in; its key."""
    user, _ = get_user_model().objects.get_or_create(
        username=username, defaults={"is_staff": True, "is_superuser": True}
    )
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store.create()
    return str(store.session_key)


def send_message(account_id: str, user_id: str, text: str, overrides: dict[str, int]) -> list[int]:
    """A message by hand to a person; the ids of its deliveries."""
    account = Account.objects.get(account_id=account_id)
    target = messages.Target(user_id=user_id)
    return list(messages.send(account.pk, target, text, actor=SYSTEM, overrides=overrides).deliveries)
