"""`build` makes the agent that settings describe, or says what is wrong with them."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from mattermost_bridge.agents.base import BACKENDS, AgentConfig, AgentError, ErrorKind, build

GOOD = {"backend": "openai_compatible", "name": "Ada", "base_url": "http://127.0.0.1:9/v1", "model": "m"}


def refused(**fields: object) -> str:
    with pytest.raises(AgentError) as caught:
        build(AgentConfig(**(GOOD | fields)))
    assert caught.value.kind == ErrorKind.BAD_SETTINGS
    return caught.value.cause


def test_every_backend_can_be_built_from_the_fields_that_it_needs():
    for key, backend in BACKENDS.items():
        assert backend.key == key
        assert backend.label
        assert backend.description.endswith(".")
        needed = {name: GOOD[name] for name in backend.needs}
        assert hasattr(build(AgentConfig(backend=key, name="x", **needed)), "answer")


def test_an_unknown_backend_is_named_with_the_ones_there_are():
    cause = refused(backend="telepathy")
    assert '"telepathy"' in cause
    assert "echo, openai_compatible" in cause


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base_url": ""}, "no address"),
        ({"model": "  "}, "no model"),
        ({"base_url": "", "model": ""}, "no address and no model"),
        ({"total_time": 0.0}, "total time"),
        ({"total_time": float("nan")}, "total time"),
        ({"max_answer_chars": 0}, "longest answer"),
        ({"base_url": "ftp://host/v1"}, "http:// or https://"),
        ({"base_url": "localhost:11434"}, "http:// or https://"),
        ({"extra": {"stream": False, "temperature": 1}}, "stream"),
        ({"extra": {"seed": {1}}}, "JSON"),
        ({"extra": {"seed": float("inf")}}, "JSON"),
        ({"api_key": "two words"}, "API key"),
        ({"api_key": "sk–dash"}, "API key"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_sentence(fields: dict, words: str):
    cause = refused(**fields)
    assert words in cause
    assert '"Ada"' in cause
    assert not fields.get("api_key") or fields["api_key"] not in cause


def test_an_error_survives_pickling():
    error = AgentError("rate_limited", "Too many.", 3.5)
    again = pickle.loads(pickle.dumps(error))
    assert (again.kind, again.cause, again.retry_after, str(again)) == (error.kind, "Too many.", 3.5, "Too many.")


def test_building_an_agent_loads_no_client_library():
    code = (
        "import sys; from mattermost_bridge.agents.base import *; from mattermost_bridge.agents import trial;"
        f"build(AgentConfig(**{GOOD!r}));"
        "print([name for name in ('openai', 'httpx2', 'django') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
