"""Taking a configuration file in: one transaction that replaces what the file can express, and says what it changed.

Pairings, blocked people and whatever the file cannot express stay. `preview` does the same and takes it all back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from mattermost_bridge.config import effective, schema
from mattermost_bridge.config.agent_import import import_agent
from mattermost_bridge.config.binding_import import replace_bindings
from mattermost_bridge.config.changes import Changes
from mattermost_bridge.config.group_maps import replace_access_groups, replace_groups
from mattermost_bridge.config.lists import replace_list
from mattermost_bridge.config.reading import ConfigError, dotted
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.config.wanted import Secret, Values, Wanted
from mattermost_bridge.models import Account, Agent, BridgeDefaults, ListenerLease, OutboxState
from mattermost_bridge.models.states import AccessList
from mattermost_bridge.services import audit, fields, tokens
from mattermost_bridge.services.accounts import ARCHIVED, cancel_deliveries
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.policies import refuse_open_without_wildcard
from mattermost_bridge.services.records import effective_url, reconnect, the_defaults

_NOTHING = Values(path=schema.SECTION)


@dataclass
class Imported:
    """What an import changed (or would change): lines for the operator, and notes about keys."""

    changes: Changes
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the changes: another one means that the import would do something else by now."""
        return hashlib.sha256("\n".join(self.changes.lines).encode()).hexdigest()


class ChangedSince(Exception):
    """What the import would do is no longer what was previewed; nothing was changed. The text is a sentence."""

    def __init__(self) -> None:
        super().__init__(
            "Somebody changed settings after this preview, so the import would do something else now. Look at it again."
        )


@dataclass
class _Import:
    """One import in progress."""

    wanted: Wanted
    actor: Actor
    changes: Changes = field(default_factory=Changes)

    def run(self) -> None:
        accounts = list(Account.objects.select_for_update(no_key=True).order_by("pk"))
        defaults = the_defaults()
        old_urls = {account.pk: effective_url(account) for account in accounts}
        replace_access_groups(self.wanted.access_groups, self.changes)
        agent = import_agent(self.wanted.agent, self.actor, self.changes) if self.wanted.agent else None
        for described in self.wanted.agents:
            import_agent(described, self.actor, self.changes)
        replace_bindings(self.wanted.bindings, self.changes)
        self._defaults(defaults, agent)
        by_id = {account.account_id: account for account in accounts}
        named = self._described(by_id.get(effective.DEFAULT_ACCOUNT))
        for account_id, values in named.items():
            account = by_id.get(account_id)
            if account is None:
                self._add(account_id, values)
            else:
                self._change(account, values, old_urls[account.pk])
        for account in accounts:
            if account.account_id not in named:
                self._put_away(account, old_urls[account.pk])
        self._check_result()
        if self.changes:
            audit.record(
                actor=self.actor,
                verb="config.import",
                summary=f"A configuration file was imported: {len(self.changes.lines)} changes.",
                details={"changes": self.changes.lines[:200]},
            )
            effective.bump_version()
            # An agent may be there now: the account's, the defaults', a binding's, a channel's.
            fields.decide_all_that_waited()

    def _described(self, default: Account | None) -> dict[str, Values]:
        """The accounts of the file. `default` is one of them, named or not, whose bot the environment describes.

        One with a token of its own is not that, and one in the archive was put there by somebody.
        """
        of_environment = default is None or not (default.is_archived or default.bot_token or default.token_ref)
        if self.wanted.section is None or not of_environment or not effective.environment_has_a_bot():
            return self.wanted.accounts
        return {effective.DEFAULT_ACCOUNT: Values(path=schema.SECTION), **self.wanted.accounts}

    def _defaults(self, defaults: BridgeDefaults, agent: Agent | None) -> None:
        section = self.wanted.section or _NOTHING
        before = fields.shown(defaults, fields.OF_DEFAULTS) | {"section_exists": defaults.section_exists}
        fields.apply(
            defaults,
            {
                **_shared(section),
                "agent": _agent(section) or agent,
                "enabled": section.enabled,
                **{name: self.wanted.settings.get(name, setting.unset) for name, setting in OF_ALL.items()},
                "default_account": self.wanted.default_account,
            },
            fields.OF_DEFAULTS,
        )
        defaults.section_exists = self.wanted.section is not None
        after = fields.shown(defaults, fields.OF_DEFAULTS) | {"section_exists": defaults.section_exists}
        different = fields.differences(before, after)
        self.changes.fields("defaults", different)
        self._lists(None, defaults, section)
        defaults.save()
        if "enabled" in different:
            for account in Account.objects.filter(archived_at=None):
                reconnect(account)

    def _add(self, account_id: str, values: Values) -> None:
        account = Account(account_id=account_id, enabled=values.enabled)
        if values.token.keep:
            raise _problem(values, "botToken", "says that the stored token is kept, but there is no such account yet")
        tokens.put(account, token=values.token.value, token_ref=values.token.reference)
        fields.apply(account, {**_shared(values), "name": values.name, "agent": _agent(values)}, fields.OF_ACCOUNT)
        fields.validate(account)
        account.save()
        ListenerLease.objects.create(account=account)
        OutboxState.objects.create(account=account)
        self.changes.added(f"account {account_id}", self._summary(account))
        self._lists(account, account, values)
        account.save()
        self._record(account, "account.create", "added", {"token": tokens.shown(account)})

    def _change(self, account: Account, values: Values, old_url: str) -> None:
        subject = f"account {account.account_id}"
        lines = len(self.changes.lines)
        was_on = account.enabled and not account.is_archived
        details: dict[str, Any] = {}
        if account.is_archived:
            account.archived_at = None
            self.changes.added(subject, "brought back from the archive")
        names = fields.OF_ACCOUNT
        before = fields.shown(account, names) | {"enabled": account.enabled}
        fields.apply(account, {**_shared(values), "name": values.name, "agent": _agent(values)}, names)
        account.enabled = values.enabled
        different = fields.differences(before, fields.shown(account, names) | {"enabled": account.enabled})
        self.changes.fields(subject, different)
        details |= different
        new_url = effective_url(account)
        new_token = self._token(account, values, old_url, new_url)
        if new_token:
            details["token"] = new_token
        self._lists(account, account, values)
        if len(self.changes.lines) == lines and new_url == old_url:
            return
        fields.validate(account)
        if account.enabled and not new_token:
            tokens.refuse_second_account(account, new_url)
        account.save()
        if new_token or new_url != old_url or account.enabled is not was_on:
            reconnect(account)
        self._record(account, "account.update", "changed", details)

    def _token(self, account: Account, values: Values, old_url: str, new_url: str) -> str:
        """Take over the token; what the audit log says about it, "" when it stays."""
        wanted = values.token
        if wanted.keep and not account.bot_token:
            raise _problem(values, "botToken", "says that the stored token is kept, but none is stored: write one")
        # A reference that stands in the file was written for the address in the file, as a token was.
        same = wanted.keep or wanted == Secret(value=account.bot_token, reference=account.token_ref)
        if same:
            if wanted.keep and tokens.origin(new_url) != tokens.origin(old_url):
                tokens.refuse_at_new_host(account, old_url, new_url)
            return ""
        said = tokens.replace(account, token=wanted.value, token_ref=wanted.reference)
        # Whether it is another bot's shows only when it connects, and nobody can be asked then.
        account.takes_other_bot = bool(account.bot_user_id)
        subject = f"account {account.account_id}"
        if wanted == Secret():
            self.changes.removed(subject, "token")
        else:
            self.changes.changed(subject, f"token: {said}")
        return said

    def _put_away(self, account: Account, old_url: str) -> None:
        if not account.base_url and effective_url(account) != old_url:
            # Brought back one day, its token must not go to an address that others were given meanwhile.
            account.base_url = old_url
            account.save(update_fields=["base_url"])
        if account.is_archived:
            return
        account.archived_at = timezone.now()
        account.save(update_fields=["archived_at", "updated_at"])
        cancel_deliveries(account, ARCHIVED)
        reconnect(account)
        self.changes.removed(f"account {account.account_id}", "archived, since the file does not name it")
        self._record(account, "account.archive", "archived", {})

    def _lists(self, account: Account | None, owner: Account | BridgeDefaults, values: Values) -> None:
        subject = f"account {account.account_id}" if account else "defaults"
        for which, entries in ((AccessList.DM, values.allow_from), (AccessList.GROUP, values.group_allow_from)):
            replace_list(account, owner, which, entries, subject, self.changes)
        replace_groups(account, owner, values.groups, subject, self.changes)

    def _check_result(self) -> None:
        refuse_open_without_wildcard(None)
        for account in Account.objects.filter(archived_at=None):
            refuse_open_without_wildcard(account)

    def _summary(self, account: Account) -> str:
        return f"address {account.base_url or 'inherited'}, token {tokens.shown(account)}"

    def _record(self, account: Account, verb: str, word: str, details: dict[str, Any]) -> None:
        audit.record(
            actor=self.actor,
            verb=verb,
            summary=f"The account {account.account_id} was {word} by an import.",
            account=account,
            target=account,
            details=details,
        )


def run(text: str, *, actor: Actor, expected: str = "") -> Imported:
    """Import the text of a configuration file. Raises ConfigError; then nothing was changed.

    `expected` is the fingerprint of a preview: raises ChangedSince when the import would do something else by now.
    """
    return _carry_out(text, actor, keep=True, expected=expected)


def preview(text: str, *, actor: Actor) -> Imported:
    """What importing the text would change. Raises ConfigError, as the import would."""
    return _carry_out(text, actor, keep=False)


def _carry_out(text: str, actor: Actor, *, keep: bool, expected: str = "") -> Imported:
    wanted = schema.parse(text, known_agents=frozenset(Agent.objects.values_list("slug", flat=True)))
    work = _Import(wanted, actor)
    try:
        with transaction.atomic():
            work.run()
            done = Imported(work.changes, wanted.notes)
            if expected and done.fingerprint != expected:
                raise ChangedSince
            if not keep:
                transaction.set_rollback(True)
    except Refused as problem:
        raise ConfigError([str(problem)]) from None
    except IntegrityError:
        raise ConfigError(
            ["Two enabled accounts would use the same bot on the same server. Disable one of them in the file."]
        ) from None
    return done


def _shared(values: Values) -> dict[str, Any]:
    settings = {name: values.settings.get(name, setting.unset) for name, setting in OF_ACCOUNTS.items()}
    return {**settings, "base_url": values.base_url, "kept": values.kept}


def _agent(values: Values) -> Agent | None:
    if not values.agent:
        return None
    agent = Agent.objects.filter(slug=values.agent).first()
    if agent is None:
        raise _problem(values, "durar.agent", f"names the agent {values.agent}, which does not exist. Add it first")
    return agent


def _problem(values: Values, key: str, sentence: str) -> Refused:
    return Refused(f"{dotted(values.path)}.{key}: {sentence}.")
