"""What a trial of reachability means, by what the server said and what came in; and each outcome as a finding."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.doctor import Level
from mattermost_bridge.rules.doctor_reachability import (
    _IDS,
    Kind,
    Refused,
    Result,
    Why,
    finding_of,
    of_button_address,
    of_results,
    why,
)

RESP = "api.command.execute_command.failed_resp.app_error"
FAILED = "api.command.execute_command.failed.app_error"
ACTION = "api.post.do_action.action_integration.app_error"
SAID = "Mattermost API 500 Internal Server Error: Der Befehl 'oc_status' hat geantwortet: 401 Unauthorized."


@pytest.mark.parametrize(
    ("kind", "refused", "expected"),
    [
        (Kind.COMMANDS, None, (Why.ELSEWHERE, "")),
        (Kind.BUTTONS, None, (Why.ELSEWHERE, "")),
        # In whatever language the server speaks.
        (Kind.COMMANDS, Refused(500, RESP, SAID), (Why.OTHER_STATUS, "401 Unauthorized")),
        (Kind.COMMANDS, Refused(500, RESP, "Mattermost API 500 Internal Server Error: ?"), (Why.OTHER_STATUS, "")),
        (Kind.COMMANDS, Refused(500, FAILED, "x"), (Why.NOT_CALLED, "")),
        (Kind.COMMANDS, Refused(501, "api.command.disabled.app_error", "x"), (Why.SWITCHED_OFF, "")),
        (Kind.COMMANDS, Refused(403, "api.context.permissions.app_error", "No."), (Why.FORBIDDEN, "No.")),
        (Kind.COMMANDS, Refused(404, "api.command.execute_command.not_found.app_error"), (Why.GONE, "")),
        (Kind.COMMANDS, Refused(None, "", "Too late.", timed_out=True), (Why.TOO_SLOW, "")),
        (Kind.COMMANDS, Refused(400, "api.command.execute_command.site_url_required.app_error", "SiteURL."),
         (Why.TROUBLE, "SiteURL.")),
        (Kind.COMMANDS, Refused(None, "", "Reset."), (Why.TROUBLE, "Reset.")),
        (Kind.BUTTONS, Refused(400, ACTION, "x"), (Why.NOT_CALLED, "")),
        (Kind.BUTTONS, Refused(502, ACTION, "x"), (Why.OTHER_STATUS, "502")),
        (Kind.BUTTONS, Refused(502, "", "A proxy before Mattermost."), (Why.TROUBLE, "A proxy before Mattermost.")),
        (Kind.BUTTONS, Refused(404, "api.post.do_action.action_id.app_error"), (Why.GONE, "")),
        (Kind.BUTTONS, Refused(403, "api.context.permissions.app_error", "No."), (Why.FORBIDDEN, "No.")),
    ],
)  # fmt: skip
def test_what_did_not_arrive_is_told_by_what_the_server_said(kind, refused, expected):
    assert why(kind, refused, arrived=False) == expected


def test_what_came_in_counts_more_than_what_the_server_said():
    for kind in Kind:
        assert why(kind, None, arrived=True) == (Why.ARRIVED, "")
        assert why(kind, Refused(500, FAILED, "Failed."), arrived=True) == (Why.ANSWER_LOST, "Failed.")
    assert why(Kind.BUTTONS, Refused(400, ACTION), arrived=False, source_refused=True)[0] is Why.SOURCE_REFUSED


@pytest.mark.parametrize(("kind", "outcome"), [(kind, one) for kind in Kind for one in _IDS[kind]])
def test_every_outcome_is_a_finding_with_a_remedy(kind, outcome):
    said = finding_of(Result(kind, outcome, "http://10.1.2.3:18789/x", "So it is."))
    assert said.id.startswith(f"reachability.{kind}")
    assert "{" not in said.cause + said.remedy
    assert said.cause.endswith(".")
    assert (said.level is Level.FINE) == (outcome is Why.ARRIVED) == (said.remedy == "")
    assert said.remedy == "" or said.remedy.endswith(".")


def test_what_helps_fits_the_address_and_what_is_tried():
    private = finding_of(Result(Kind.BUTTONS, Why.NOT_CALLED, "http://10.1.2.3:18789/x")).remedy
    assert "it must answer 405" in private
    assert "10.1.2.3 is an internal address, so AllowedUntrustedInternalConnections must have it" in private
    assert "EnablePostActionIntegration" in private
    assert "interactions.callbackBaseUrl" in private
    public = finding_of(Result(Kind.COMMANDS, Why.NOT_CALLED, "https://durar.example.com/x")).remedy
    assert "AllowedUntrustedInternalConnections" not in public
    assert "EnablePostActionIntegration" not in public
    assert "commands.callbackUrl" in public
    denied = finding_of(Result(Kind.COMMANDS, Why.NOT_REGISTERED, "https://d.example.com/x", "@durar may not."))
    assert denied.cause.endswith("so none could be tried. @durar may not.")
    stale = finding_of(Result(Kind.COMMANDS, Why.OTHER_STATUS, "https://d.example.com/x", "401 Unauthorized"))
    assert "said 401 Unauthorized instead of 200" in stale.cause
    assert "its registration is stale" in stale.remedy
    # Beside the findings of the records, which say why, only the fact.
    (beside,) = of_results(
        [Result(Kind.COMMANDS, Why.NOT_REGISTERED, "https://d.example.com/x", "@durar may not.")], buttons_matter=True
    )
    assert "@durar may not." not in str(beside.cause)
    assert beside.id == denied.id


def test_buttons_that_nobody_is_told_of_only_warn():
    results = [Result(kind, Why.NOT_CALLED, "http://gateway/x") for kind in Kind]
    assert [one.level for one in of_results(results, buttons_matter=False)] == [Level.BROKEN, Level.WARNING]
    assert [one.level for one in of_results(results, buttons_matter=True)] == [Level.BROKEN, Level.BROKEN]
    assert finding_of(Result(Kind.COMMANDS, Why.BUSY)).level is Level.WARNING


@pytest.mark.parametrize(
    ("url", "server", "warned"),
    [
        ("https://chat.example.com/mattermost/interactions/default", "https://chat.example.com", True),
        ("https://CHAT.example.com:443/x", "https://chat.example.com/sub", True),
        ("https://chat.example.com:18789/x", "https://chat.example.com", False),
        ("https://durar.example.com/x", "https://chat.example.com", False),
        ("https://durar.example.com/x", "", False),
    ],
)
def test_clicks_that_are_to_go_to_mattermost_itself(url, server, warned):
    assert [one.id for one in of_button_address(url, server)] == ["buttons.to_mattermost"] * warned
