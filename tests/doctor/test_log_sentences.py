"""The sentences for which the manual sends operators to the log stand there as they are quoted, in both of its formats,
when the code that they are about comes to it."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from mattermost_bridge import logging as durar_logging
from mattermost_bridge.models import BridgeDefaults
from mattermost_bridge.rules.clicks import Refusal, read_click
from mattermost_bridge.services import buttons
from tests.doctor import setups
from tests.doctor.setups import Broken, Setup
from tests.doctor.test_every_entry_of_the_page import setup  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
FAILED = "mattermost: failed to register slash commands"
NONE = "mattermost: native slash commands enabled but no commands could be registered"
RESOLVED = "callback resolved to http://127.0.0.1:18789/api/channels/mattermost/command"


def resolved_to_this_machine(working: Setup) -> None:
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"custom_bind_host": "127.0.0.1"})
    working.monkeypatch.setattr(buttons, "port", lambda account: 18789)
    working.monkeypatch.setattr("mattermost_bridge.services.slash_registration.port", lambda account: 18789)
    setups.callback(commands_callback_url="")(working)
    working.register()


@pytest.fixture(params=[False, True], ids=["text", "json"])
def log(request) -> Iterator[Callable[[], str]]:
    """What Durar's processes write, so far."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(durar_logging.formatter(as_json=request.param))
    logger = logging.getLogger("mattermost_bridge")
    logger.addHandler(handler)
    yield stream.getvalue
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (setups.token_is_refused_meanwhile, FAILED),
        (setups.plain_bot, NONE),
        (resolved_to_this_machine, RESOLVED),
        (setups.a_call("oc_status"), "Unauthorized: invalid command token."),
    ],
)
def test_what_is_wrong_with_slash_commands_is_written_as_the_manual_quotes_it(
    setup: Setup,  # noqa: F811
    log: Callable[[], str],
    broken: Broken,
    sentence: str,
):
    broken(setup)
    assert sentence in log()
    assert setup.sandbox.token("durar") not in log()


@pytest.mark.parametrize(
    ("context", "sentence"),
    [({"action_id": "yes"}, "missing _token in context"), ({"action_id": "yes", "_token": "x"}, "invalid _token")],
)
def test_what_is_wrong_with_a_click_is_written_as_the_manual_quotes_it(log, context, sentence):
    with pytest.raises(Refusal) as refused:
        read_click({"context": context}, [("secret", False)])
    # As the callback does, which its own tests see.
    structlog.get_logger("mattermost_bridge.callbacks.buttons").warning(refused.value.logged, account="default")
    assert sentence in log()
