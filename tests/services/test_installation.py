"""The first start: defaults, the first administrator, and keys that must fit what is stored."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import authenticate, get_user_model

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, AuditEntry, BridgeDefaults
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.services import accounts, installation
from mattermost_bridge.services.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("MATTERMOST_BOT_TOKEN", "MATTERMOST_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def test_the_first_administrator_is_made_once_with_a_password_that_works(rf):
    name, password = installation.ensure_administrator()
    assert authenticate(rf.post("/"), username=name, password=password).is_superuser
    assert len(password) >= 16
    assert installation.ensure_administrator() is None
    assert password not in f"{AuditEntry.objects.get().summary} {AuditEntry.objects.get().details}"


def test_two_installations_have_two_passwords():
    _, first = installation.ensure_administrator()
    get_user_model().objects.all().delete()
    _, second = installation.ensure_administrator()
    assert first != second


def test_nobody_becomes_an_administrator_by_their_name():
    get_user_model().objects.create_user("admin", password="whatever-1")
    name, _ = installation.ensure_administrator()
    assert name != "admin"
    assert not get_user_model().objects.get(username="admin").is_superuser


def test_an_existing_administrator_is_enough(alice):
    assert installation.ensure_administrator() is None


def test_the_defaults_are_made_once():
    installation.ensure_defaults()
    installation.ensure_defaults()
    assert BridgeDefaults.objects.count() == 1
    assert not Account.objects.exists()


def test_the_environment_alone_describes_the_account_default(monkeypatch):
    monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "from-environment")
    monkeypatch.setenv("MATTERMOST_URL", "https://chat.example.com")
    installation.ensure_defaults()
    installation.ensure_defaults()
    account = Account.objects.get()
    assert (account.account_id, account.bot_token, account.base_url) == ("default", "", "")
    assert settings_for(account.pk).listens
    accounts.archive(account.pk, actor=SYSTEM)
    installation.ensure_defaults()
    assert settings_for(account.pk).archived


def test_keys_that_fit_are_silent_and_others_stop_the_start(settings):
    installation.check_keys()
    installation.check_keys()
    mine = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(WrongKeyError, match="DURAR_ENCRYPTION_KEYS"):
        installation.check_keys()
    settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, *mine]
    installation.check_keys()


def test_a_wrong_key_does_not_keep_the_defaults_from_being_found(settings):
    installation.check_keys()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    installation.ensure_defaults()
