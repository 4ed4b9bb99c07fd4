"""What is set wrongly stops the start with a sentence; secrets are not repeated in it."""

from __future__ import annotations

import multiprocessing
import stat

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from durar_site import environment


@pytest.fixture
def env(monkeypatch):
    def put(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(("word", "value"), [("1", True), ("yes", True), ("On", True), ("0", False), ("FALSE", False)])
def test_a_flag_is_yes_or_no(env, word, value):
    env("DURAR_X", word)
    assert environment.flag("DURAR_X", default=not value) is value


def test_a_flag_with_a_typing_mistake_is_neither(env):
    env("DURAR_X", "ture")
    with pytest.raises(ImproperlyConfigured, match="DURAR_X is 'ture'; it must be 1 or 0"):
        environment.flag("DURAR_X", default=False)


def test_a_variable_that_is_set_to_nothing_is_not_set(env):
    env("DURAR_X", "")
    assert environment.text("DURAR_X", "default") == "default"
    assert environment.flag("DURAR_X", default=True) is True
    assert environment.seconds("DURAR_X", 2.5) == 2.5
    assert environment.port("DURAR_X", 80) == 80
    assert environment.words("DURAR_X", ["a"]) == ["a"]
    assert environment.secret("DURAR_X") == ""


@pytest.mark.parametrize("word", ["soon", "-1", "0", "inf", "nan"])
def test_a_length_of_time_is_a_number_greater_than_zero(env, word):
    env("DURAR_X", word)
    with pytest.raises(ImproperlyConfigured, match="a number of seconds greater than 0"):
        environment.seconds("DURAR_X", 1.0)


@pytest.mark.parametrize("word", ["0", "65536", "http", "-5", "80.5"])
def test_a_port_is_a_port(env, word):
    env("DURAR_X", word)
    with pytest.raises(ImproperlyConfigured, match="a whole number from 1 to 65535"):
        environment.port("DURAR_X", 80)


def test_a_list_is_separated_by_commas(env):
    env("DURAR_X", " a.example.com, b.example.com ,")
    assert environment.words("DURAR_X", []) == ["a.example.com", "b.example.com"]


@pytest.mark.parametrize(
    ("word", "zone"),
    [("Europe/Berlin", "Europe/Berlin"), ("", "UTC"), ("CET-1CEST", "UTC"), (":/etc/localtime", "UTC")],
)
def test_a_zone_that_only_libc_reads_is_utc(env, word, zone):
    env("TZ", word)
    assert environment.time_zone("TZ") == zone


def test_a_secret_may_come_from_a_file(env, tmp_path):
    (tmp_path / "secret").write_text("word\n")
    env("DURAR_X_FILE", str(tmp_path / "secret"))
    assert environment.secret("DURAR_X") == "word"


def test_a_secret_that_is_half_configured_stops_the_start(env, tmp_path):
    env("DURAR_X_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match=r"DURAR_X_FILE names .*missing, which cannot be read"):
        environment.secret("DURAR_X")
    (tmp_path / "missing").touch()
    with pytest.raises(ImproperlyConfigured, match="which is empty"):
        environment.secret("DURAR_X")
    env("DURAR_X", "word-of-the-environment")
    with pytest.raises(ImproperlyConfigured, match="are both set") as raised:
        environment.secret("DURAR_X")
    assert "word-of-the-environment" not in str(raised.value)


def test_a_database_must_be_postgresql_and_its_password_is_not_repeated():
    with pytest.raises(ImproperlyConfigured, match="must name a PostgreSQL database") as raised:
        environment.database("mysql://durar:pa55word@host/durar")
    assert "pa55word" not in str(raised.value)
    config = environment.database("postgres://durar:p%40ss@host:5433/durar")
    assert (config["HOST"], config["PORT"], config["PASSWORD"]) == ("host", 5433, "p@ss")
    assert config["OPTIONS"]["connect_timeout"] == 5


def test_a_state_directory_is_made_for_this_user_only(tmp_path):
    path = environment.state_dir(tmp_path / "a" / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_key_is_made_once_and_kept(tmp_path):
    path = tmp_path / "key"
    key = environment.kept_key(path, make="fernet")
    Fernet(key)
    assert environment.kept_key(path, make="fernet") == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def _make(path, barrier, results):
    barrier.wait(30)
    results.put(environment.kept_key(path, make="fernet"))


def test_processes_that_start_at_once_agree_on_the_key(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_make, args=(tmp_path / "key", barrier, results)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(keys) == 1
