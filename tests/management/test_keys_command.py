"""`Durar keys rotate`: every secret at rest gets the first key, and nobody loses one on the way."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command

from mattermost_bridge.models import Account, AuditEntry, BridgeDefaults, ButtonSecret, SlashCommand
from mattermost_bridge.models.fields import EncryptedTextField, digests, encrypt
from mattermost_bridge.services import installation, stored_secrets
from tests import factories

pytestmark = pytest.mark.django_db

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


class Killed(BaseException):
    """A process that is killed runs no handlers for exceptions."""


def keys(verb: str) -> str:
    out = StringIO()
    call_command("keys", verb, stdout=out)
    return out.getvalue()


@pytest.fixture
def secrets(settings, alice):
    """Secrets of every kind, saved with the old key; the new one is there, too."""
    settings.ENCRYPTION_KEYS = [OLD]
    installation.ensure_defaults()
    installation.check_keys()
    account = factories.AccountFactory(bot_token="token-of-the-bot-000000001")
    ButtonSecret.objects.create(account=account, secret="signs buttons")
    SlashCommand.objects.create(account=account, team_id="t" * 26, trigger="oc_new", name="new", token="of a command")
    data = {"secret": encrypt("one-time"), "name": "phone", "codes": [encrypt("recovery"), "v2:other"]}
    Authenticator.objects.create(user=alice, type="totp", data=data)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    return account


def test_after_it_the_old_key_is_needed_no_more(settings, secrets):
    before = sum(count.older for count in stored_secrets.look().values())
    assert before >= 7
    found_by = SlashCommand.objects.get().token_digest
    # Until then it is found all the same.
    assert found_by in digests("of a command")[1:]
    assert f"{before} secrets of {before} still need an older key" in keys("status")
    said = keys("rotate")
    assert f"{before} secrets encrypted anew" in said
    assert "the others can be removed" in said
    settings.ENCRYPTION_KEYS = [NEW]
    assert Account.objects.get(pk=secrets.pk).bot_token == "token-of-the-bot-000000001"
    assert ButtonSecret.objects.get().secret == "signs buttons"
    command = SlashCommand.objects.get()
    assert (command.token, [command.token_digest]) == ("of a command", digests("of a command"))
    assert command.token_digest != found_by
    data = Authenticator.objects.get().data
    assert [stored_secrets.decrypt(one) for one in (data["secret"], data["codes"][0])] == ["one-time", "recovery"]
    assert (data["name"], data["codes"][1]) == ("phone", "v2:other")
    installation.check_keys()
    assert BridgeDefaults.objects.get().key_check == installation.CANARY


def test_run_again_it_does_nothing_and_says_so(secrets):
    keys("rotate")
    rows = AuditEntry.objects.filter(verb="keys.rotate").count()
    assert rows == 1
    assert "0 secrets encrypted anew" in keys("rotate")
    assert AuditEntry.objects.filter(verb="keys.rotate").count() == rows


def test_interrupted_it_goes_on_where_it_stopped(monkeypatch, secrets):
    """What a killed run did is in the audit log, to the last secret, and what it began is not done by half."""
    monkeypatch.setattr(stored_secrets, "BATCH", 2)
    renew, done = stored_secrets._renew, []

    def dies_at_the_fourth(place, pk, stored):
        if len(done) == 3:
            raise Killed
        done.append(pk)
        return renew(place, pk, stored)

    def audited() -> int:
        return sum(row.details["secrets"] for row in AuditEntry.objects.filter(verb="keys.rotate"))

    monkeypatch.setattr(stored_secrets, "_renew", dies_at_the_fourth)
    left = sum(count.older for count in stored_secrets.look().values())
    with pytest.raises(Killed):
        keys("rotate")
    # The second batch, of which one was done, is as if it had never begun.
    assert sum(count.older for count in stored_secrets.look().values()) == left - 2
    assert audited() == 2
    monkeypatch.setattr(stored_secrets, "_renew", renew)
    assert f"{left - 2} secrets encrypted anew" in keys("rotate")
    assert audited() == left


def test_a_secret_that_changes_meanwhile_is_left_as_it_was_saved(monkeypatch, secrets):
    renew = stored_secrets._renew

    def first_somebody_saves(place, pk, stored):
        if place.name == "account.bot_token":
            Account.objects.filter(pk=pk).update(bot_token="token-of-another-bot-00001")
        return renew(place, pk, stored)

    monkeypatch.setattr(stored_secrets, "_renew", first_somebody_saves)
    keys("rotate")
    assert Account.objects.get(pk=secrets.pk).bot_token == "token-of-another-bot-00001"


def test_what_no_key_reads_is_said_by_its_place_and_stays(settings, secrets):
    settings.ENCRYPTION_KEYS = [NEW]
    before = list(Account.objects.extra(select={"raw": "bot_token"}).values_list("raw"))
    with pytest.raises(CommandError, match=r"cannot be read.*account\.bot_token \(1\)") as ended:
        keys("rotate")
    assert "token-of-the-bot" not in str(ended.value)
    assert list(Account.objects.extra(select={"raw": "bot_token"}).values_list("raw")) == before


def test_no_column_with_secrets_is_forgotten():
    names = {place.name for place in stored_secrets.places()}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, EncryptedTextField):
                assert f"{model._meta.model_name}.{field.name}" in names
    assert {"account.bot_token", "agent.api_key", "bridgedefaults.key_check", "second factors"} <= names
