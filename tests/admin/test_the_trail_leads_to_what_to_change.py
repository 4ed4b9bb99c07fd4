"""Each check of a decision says in words where its value comes from, and leads whoever may go there to the field."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from django.utils.html import escape

from mattermost_bridge.admin import trail
from mattermost_bridge.admin.trail_places import AGENT, BLOCKED, CHANNEL_OFF, FACTS, LISTS, MENTION, PAIRINGS, SETTINGS
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models import AccountGrant, Agent, BridgeDefaults, StaffProfile
from mattermost_bridge.models.states import EventKind, EventOutcome
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Outcome
from mattermost_bridge.services.roles import ADMINISTRATOR, OPERATOR, VIEWER, ensure_roles
from tests import factories
from tests.admin.conftest import signed_in
from tests.factories import mattermost_id

CAROL = "carol".ljust(26, "u")
SUPPORT = "support".ljust(26, "x")
CODE = Path(trail.__file__).parents[1]


@pytest.fixture
def account(db):
    BridgeDefaults.objects.get_or_create(pk=1)
    return factories.AccountFactory(account_id="ops")


@pytest.fixture
def page_of(db, account):
    """The page of an event with these checks, for somebody with a role."""
    ensure_roles()

    def page(*checks, role=ADMINISTRATOR, limited=False, **values) -> str:
        user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True)
        user.groups.set([Group.objects.get(name=role.group)])
        if limited:
            StaffProfile.objects.update_or_create(user=user, defaults={"limited": True})
            AccountGrant.objects.create(user=user, account=account)
        kept = [dict(zip(("name", "value", "source", "passed"), check, strict=True)) for check in checks]
        event = factories.InboundEventFactory(account=account, user_id=CAROL, trail=kept, **values)
        return signed_in(user).get(f"/mattermost_bridge/inboundevent/{event.pk}/change/").content.decode()

    return page


def names_of_checks() -> set[str]:
    """Every name that a check can have, read from the code that makes them."""
    found = set()
    for path in [*(CODE / "rules").glob("*.py"), *(CODE / "services").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            first = None
            if isinstance(node, ast.Call) and node.args:
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0] if called in ("Check", "stops", "_policy_check", "_list_check") else None
            elif isinstance(node, ast.Assign) and path.name in ("addressing.py", "access.py", "control_commands.py"):
                target, value = node.targets[0], node.value
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    target, value = target.elts[0], value.elts[0]
                first = value if getattr(target, "id", "") == "name" else None
            if isinstance(first, ast.Call) and getattr(first.func, "id", "") == "_":
                first = first.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


def test_every_check_is_known_to_the_page():
    known = {*SETTINGS, *LISTS, *PAIRINGS, *FACTS, AGENT, BLOCKED, CHANNEL_OFF}
    names = names_of_checks()
    assert len(names) > 25
    assert names - known == set()
    assert known - names == set()
    assert set(SETTINGS.values()) <= set(OF_ACCOUNTS) | set(OF_ALL)


ACCOUNT = "/mattermost_bridge/account/{account}/"
DEFAULTS = "/mattermost_bridge/bridgedefaults/1/change/"
LIST = "/mattermost_bridge/accessentry/?"
LEADS = [
    ("group policy", "open", "account", f"{ACCOUNT}change/#id_group_policy"),
    ("group policy", "allowlist", "built-in", f"{ACCOUNT}change/#id_group_policy"),
    ("group policy", "open", "defaults", f"{DEFAULTS}#id_group_policy"),
    ("group policy", "open", "channels.defaults", f"{DEFAULTS}#id_default_group_policy"),
    ("mention patterns", "none matches", "defaults", f"{DEFAULTS}#id_mention_patterns"),
    ("mention patterns", "none matches", "built-in", f"{DEFAULTS}#id_mention_patterns"),
    ("mention patterns", "none matches", "the agent helper", "/mattermost_bridge/agent/{agent}/change/"),
    ("mention required", "yes", "built-in", f"{ACCOUNT}change/#id_chatmode"),
    ("mention required", "no", f"groups[{SUPPORT}] of the account", "/mattermost_bridge/groupoverride/{own}/change/"),
    ("mention required", "no", 'groups["*"] of the defaults', "/mattermost_bridge/groupoverride/{star}/change/"),
    ("mention required", "no", "groups[gone] of the account", "/mattermost_bridge/groupoverride/?account={account}"),
    ("direct message list", f"{CAROL} matches (from panel)", "account", "/mattermost_bridge/accessentry/{entry}/"),
    ("direct message list", "* matches (from config)", "defaults", "/mattermost_bridge/accessentry/{everybody}/"),
    (
        "direct message list",
        "x matches (from the access group Night)",
        "account",
        "/mattermost_bridge/accessgroup/{g}/",
    ),
    (
        "direct message list",
        "no valid entry",
        "built-in",
        "/mattermost_bridge/accessentry/?account={account}&amp;list=dm",
    ),
    ("group list", "none of 2 entries matches", "defaults", "/mattermost_bridge/accessentry/?list=group"),
    ("may use control commands", f"{CAROL} matches (from panel)", "account", "/mattermost_bridge/accessentry/{entry}/"),
    ("may use control commands", "on none of the lists", "built-in", f"{DEFAULTS}#id_use_access_groups"),
    ("pairing", "not approved", "pairings", f"/mattermost_bridge/pairingrequest/?account={{account}}&amp;q={CAROL}"),
    ("blocked", "no", "blocked people", f"/mattermost_bridge/blockeduser/?q={CAROL}"),
    ("agent", "present", "account", f"{ACCOUNT}agent/"),
    ("agent", "present", "defaults", f"{DEFAULTS}#id_agent"),
    ("written by another bot", "yes", "post", f"{ACCOUNT}change/#id_answers_bots"),
    (
        "age",
        "30.0 h old, answered up to 24 h",
        "built-in",
        f"{ACCOUNT}change/#id_answer_within_hours",
    ),
]


def test_each_check_leads_to_what_it_looked_at(page_of, account):
    BridgeDefaults.objects.get_or_create(pk=1)
    group = factories.AccessGroupFactory(name="Night")
    keys = {
        "account": account.pk,
        "agent": factories.AgentFactory(slug="helper").pk,
        "own": factories.GroupOverrideFactory(account=account, channel_id=SUPPORT).pk,
        "star": factories.GroupOverrideFactory(account=None, channel_id="*").pk,
        "entry": factories.AccessEntryFactory(account=account, value=CAROL).pk,
        "everybody": factories.AccessEntryFactory(account=None, value="*").pk,
        "g": group.pk,
    }
    page = page_of(*((name, value, source, None) for name, value, source, _where in LEADS))
    rows = page.split('<span class="du-trail-name">')[1:]
    for (name, _value, source, where), row in zip(LEADS, rows, strict=True):
        assert f'href="{where.format(**keys)}' in row.split("</li>")[0], (
            f"{name} from {source}: {row.split('</li>')[0]}"
        )


def test_every_field_that_is_led_to_is_there(as_alice, account):
    defaults = as_alice.get(DEFAULTS).content.decode()
    page = as_alice.get(f"/mattermost_bridge/account/{account.pk}/change/").content.decode()
    for column in [*SETTINGS.values(), "default_group_policy", "agent"]:
        if column in OF_ACCOUNTS:
            assert f'id="id_{column}"' in page
        assert f'id="id_{column}"' in defaults


def test_facts_lead_nowhere(page_of):
    page = page_of(
        *((name, "no", "post", None) for name in sorted(FACTS)),
        (f"{MENTION}durar", "not found", "post", None),
        ("written by another bot", "no", "post", True),
    )
    assert 'class="du-link"' not in page.split('<ol class="du-trail">')[1].split("</ol>")[0]


def test_sources_are_said_in_words(page_of):
    page = page_of(*(("sender", "x", source, None) for source in trail.SOURCES))
    for words in trail.SOURCES.values():
        assert f"from {escape(words)}" in page


TWO = (
    ("direct message policy", "allowlist", "defaults", True),
    ("direct message list", "no valid entry", "account", False),
)


def test_a_viewer_looks_and_an_operator_puts_the_person_on_the_list(page_of, account):
    refused = {"outcome": EventOutcome.REFUSED, "reason": Reason.DM_NOT_LISTED}
    put = f"/mattermost_bridge/accessentry/add/?account={account.pk}&amp;list=dm&amp;value={CAROL}"
    page = page_of(*TWO, role=VIEWER, **refused)
    assert put not in page
    assert f'href="{DEFAULTS}#id_dm_policy">See it' in page
    page = page_of(*TWO, role=OPERATOR, limited=True, **refused)
    assert put in page
    assert f'href="{DEFAULTS}#id_dm_policy">See it' in page
    assert f'href="{DEFAULTS}#id_dm_policy">Change' in page_of(*TWO, **refused)


def test_who_must_stand_on_the_list_of_the_defaults_is_put_there_by_those_who_may(page_of):
    refused = {"outcome": EventOutcome.REFUSED, "reason": Reason.DM_NOT_LISTED}
    inherited = ("direct message list", "no valid entry", "defaults", False)
    put = f"/mattermost_bridge/accessentry/add/?account=&amp;list=dm&amp;value={CAROL}"
    assert put in page_of(inherited, role=OPERATOR, **refused)
    assert "/accessentry/add/" not in page_of(inherited, role=OPERATOR, limited=True, **refused)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.outcome is not Outcome.ADMITTED])
def test_what_can_be_remedied_leads_somewhere(page_of, reason):
    page = page_of(("written by another bot", "yes", "post", False), outcome=reason.outcome or "", reason=reason)
    if reason.remedy:
        assert str(reason.remedy)[:30].replace("'", "&#x27;") in page
    elsewhere = {Reason.SENDER_MISSING, Reason.EDIT_NOT_CONSIDERED, Reason.CHANNEL_GONE, Reason.UNREADABLE}
    if reason in trail.AFTERWARDS:
        assert str(trail.AFTERWARDS[reason][0]) in page
    if reason.remedy and reason.outcome is Outcome.REFUSED and reason not in elsewhere:
        assert '<p class="du-links">' in page


def test_a_post_without_a_mention_leads_to_the_channels_of_the_account_first(page_of, account):
    check = ("mention required", "yes", "built-in", None)
    page = page_of(check, outcome=EventOutcome.IGNORED, reason=Reason.NO_MENTION)
    links = page.split('<p class="du-links">')[1].split("</p>")[0]
    assert links.index(f"/account/{account.pk}/channels/") < links.index(f"/account/{account.pk}/change/#id_chatmode")


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_shows_its_checks_also_after_its_body_was_blanked(page_of, kind):
    check = ("group policy", "disabled", "account", False)
    reason = {"outcome": EventOutcome.REFUSED, "reason": Reason.GROUP_DISABLED}
    page = page_of(check, kind=kind, text="", blanked_at=timezone.now(), caught_up=True, **reason)
    assert page.count('<span class="du-trail-name">') == 1
    assert "stopped here" in page
    assert Reason.GROUP_DISABLED.sentence in page


def test_an_agent_that_somebody_may_not_see_is_not_named_to_them(page_of):
    hidden = Agent.objects.create(slug="hidden", backend="echo")
    check = ("mention patterns", "none matches", "the agent hidden", None)
    assert f"/agent/{hidden.pk}/" not in page_of(check, role=OPERATOR, limited=True)


def test_ids_in_checks_are_text(page_of):
    page = page_of(("direct message list", f"{mattermost_id('<b>', 1)} matches (from panel)", "account", True))
    assert "<b>" not in page
