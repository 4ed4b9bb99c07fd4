"""Each system check says what is wrong and what to do, and is silent when all is well."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks

from mattermost_bridge import checks
from mattermost_bridge.models import Account, Agent, AlertTarget, BridgeDefaults


def ids(found) -> set[str]:
    assert all(message.hint for message in found)
    return {message.id for message in found}


def test_a_fresh_installation_has_nothing_to_complain_about(settings):
    assert [*checks.keys(), *checks.public_address(), *checks.rights()] == []


def test_a_secret_key_that_is_short(settings):
    """Without any, Django itself does not start."""
    settings.SECRET_KEY = "short"
    assert ids(checks.keys()) == {"durar.E001"}


def test_no_encryption_key(settings):
    settings.ENCRYPTION_KEYS = []
    assert ids(checks.keys()) == {"durar.E002"}


def test_a_key_of_another_form_is_named_by_its_place_not_by_itself(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "not-a-fernet-key"]
    [message] = checks.keys()
    assert message.id == "durar.E003"
    assert "Key 2" in message.msg
    assert "not-a-fernet-key" not in message.msg


def test_debug_in_public(settings):
    settings.DEBUG, settings.PUBLIC_URL = True, "https://durar.example.com"
    assert ids(checks.public_address()) == {"durar.W001"}
    settings.PUBLIC_URL = ""
    assert checks.public_address() == []


@pytest.mark.parametrize("url", ["http://durar.example.com", "http://192.168.1.5:18789"])
def test_a_public_address_in_clear(settings, url):
    settings.PUBLIC_URL = url
    assert ids(checks.public_address()) == {"durar.W002"}


@pytest.mark.parametrize(
    "url", ["", "https://durar.example.com", "http://localhost:18789", "http://127.0.0.1:18789", "http://[::1]:18789"]
)
def test_https_and_this_machine_are_well(settings, url):
    settings.PUBLIC_URL = url
    assert checks.public_address() == []


def test_every_host_name_accepted(settings):
    settings.ALLOWED_HOSTS = ["*"]
    assert ids(checks.public_address()) == {"durar.W005"}


@pytest.mark.parametrize(
    ("database", "broker", "missing"), [(True, False, "Set DATABASE_URL"), (False, True, "Set REDIS_URL")]
)
def test_one_part_embedded_and_the_other_shared(settings, database, broker, missing):
    settings.EMBEDDED, settings.EMBEDDED_BROKER = database, broker
    [message] = checks.parts_that_belong_together()
    assert message.id == "durar.W003"
    assert missing in message.hint


@pytest.mark.parametrize("embedded", [True, False])
def test_both_embedded_or_both_shared_is_well(settings, embedded):
    settings.EMBEDDED = settings.EMBEDDED_BROKER = embedded
    assert checks.parts_that_belong_together() == []


def test_a_state_directory_that_others_may_look_into(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    tmp_path.chmod(0o755)
    assert ids(checks.rights()) == {"durar.W004"}
    tmp_path.chmod(0o700)
    assert checks.rights() == []


@pytest.mark.parametrize("name", ["encryption_key", "django_secret_key"])
def test_a_key_that_others_may_read(settings, tmp_path, name):
    tmp_path.chmod(0o700)
    settings.STATE_DIR = tmp_path
    (tmp_path / name).touch()
    (tmp_path / name).chmod(0o644)
    assert ids(checks.rights()) == {"durar.W006"}
    (tmp_path / name).chmod(0o600)
    assert checks.rights() == []


def test_keys_that_do_not_fit_the_database(db, settings):
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"key_check": "durar"})
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert ids(checks.records(databases=["default"])) == {"durar.E004"}


def test_no_account_yet(db):
    assert ids(checks.records(databases=["default"])) == {"durar.I001"}


def test_an_account_without_an_agent(db):
    account = Account.objects.create(account_id="ops")
    [message] = checks.records(databases=["default"])
    assert message.id == "durar.I002"
    assert "ops" in message.msg
    agent = Agent.objects.create(slug="echo")
    account.agent = agent
    account.save()
    assert checks.records(databases=["default"]) == []


def test_the_agent_of_the_defaults_serves_every_account(db):
    Account.objects.create(account_id="ops")
    agent = Agent.objects.create(slug="echo")
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"agent": agent})
    assert checks.records(databases=["default"]) == []


def test_disabled_accounts_are_as_good_as_none(db):
    Account.objects.create(account_id="ops", enabled=False)
    assert ids(checks.records(databases=["default"])) == {"durar.I001"}


def test_alerts_by_mail_without_a_mail_server(db, settings):
    AlertTarget.objects.create(name="Night shift", kind="email", emails="ops@example.com")
    [message] = checks.alerts(databases=["default"])
    assert message.id == "durar.W007"
    assert "Night shift" in message.msg
    AlertTarget.objects.update(enabled=False)
    assert checks.alerts(databases=["default"]) == []
    AlertTarget.objects.update(enabled=True)
    settings.MAIL_CONFIGURED = True
    assert checks.alerts(databases=["default"]) == []


def test_without_a_database_the_records_are_left_alone(django_assert_num_queries):
    """A query would fail here: this test has no database."""
    assert checks.records(databases=None) == []


def test_they_are_registered_under_their_tag(db, settings):
    settings.SECRET_KEY = "short"
    found = {message.id for message in run_checks(tags=[checks.TAG], databases=["default"])}
    assert {"durar.E001", "durar.I001"} <= found
