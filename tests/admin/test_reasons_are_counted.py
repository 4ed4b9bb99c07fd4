"""Lists, charts and an account's page count the reasons for silence; where there is one cause, the page says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.models import AccountGrant, InboundEvent, StaffProfile
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.rules.silence import FEWEST
from tests import factories
from tests.admin.conftest import signed_in

EVENTS = "/mattermost_bridge/inboundevent/"
ONE_CAUSE = "Nobody was answered in the last 24 hours, all for one reason"


@pytest.fixture
def account(db):
    return factories.AccountFactory(account_id="ops")


def happened(account, reason, count=1, **values):
    outcome = values.pop("outcome", reason.outcome)
    state = EventState.WAITING if reason is Reason.NO_AGENT else EventState.DECIDED
    outcome = EventOutcome.ADMITTED if reason is Reason.NO_AGENT else outcome
    values = {"account": account, "reason": reason, "outcome": outcome, "state": state, **values}
    return factories.InboundEventFactory.create_batch(count, **values)


def overview(browser, account) -> str:
    cache.clear()
    return browser.get(f"/mattermost_bridge/account/{account.pk}/overview/").content.decode()


def choices(page) -> list[str]:
    """The words of the filter by reason, in their order."""
    spec = next(one for one in page.context["cl"].filter_specs if getattr(one, "parameter_name", "") == "reason")
    return [str(choice["display"]) for choice in spec.choices(page.context["cl"])]


def test_the_list_filters_by_reason_with_counts_of_the_last_day(as_alice, account):
    happened(account, Reason.NO_MENTION, 3)
    happened(account, Reason.BLOCKED, 1)
    happened(factories.AccountFactory(), Reason.BLOCKED, 4)
    old = happened(account, Reason.BLOCKED, 1)[0]
    InboundEvent.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=2))
    words = choices(as_alice.get(EVENTS))
    assert words[:3] == ["All", "Person blocked (5)", "Bot not mentioned (3)"]
    assert len(words) == len(REASONS) + 1
    assert choices(as_alice.get(f"{EVENTS}?account={account.pk}"))[1:3] == [
        "Bot not mentioned (3)",
        "Person blocked (1)",
    ]
    assert choices(as_alice.get(f"{EVENTS}?_facets=True"))[1] == "Person blocked (5)"
    page = as_alice.get(f"{EVENTS}?reason=blocked&since=24h")
    assert page.context["cl"].result_count == 5


def test_who_is_limited_is_told_the_counts_of_his_accounts(people, account):
    happened(account, Reason.BLOCKED, 2)
    happened(factories.AccountFactory(), Reason.BLOCKED, 4)
    bob = people("bobby", "operator")
    StaffProfile.objects.update_or_create(user=bob, defaults={"limited": True})
    AccountGrant.objects.create(user=bob, account=account)
    assert "Person blocked (2)" in choices(signed_in(bob).get(EVENTS))


def test_charts_and_the_filter_use_the_same_words_and_lead_to_the_same_list(as_alice, account):
    happened(account, Reason.NO_MENTION, 2)
    happened(account, Reason.DM_NOT_LISTED, 1)
    for page, whose in (
        (as_alice.get("/").content.decode(), ""),
        (overview(as_alice, account), f"&account={account.pk}"),
    ):
        for reason, count in ((Reason.NO_MENTION, 2), (Reason.DM_NOT_LISTED, 1)):
            link = f"{EVENTS}?reason={reason}&since=24h{whose}"
            assert f'href="{link.replace("&", "&amp;")}" title="{reason.sentence}">{reason.label}</a>' in page
            listed = as_alice.get(link)
            assert listed.context["cl"].result_count == count
            assert f"{reason.label} ({count})" in choices(listed)


def test_the_overview_counts_what_was_left_without_an_answer_only(as_alice, account):
    happened(account, Reason.OWN_POST, 6)
    happened(account, Reason.ADMITTED_MENTIONED, 6)
    happened(factories.AccountFactory(), Reason.BLOCKED, 6)
    assert "nobody was left without an answer" in overview(as_alice, account)
    happened(account, Reason.NO_MENTION, 2)
    page = overview(as_alice, account)
    assert "2 messages" in page
    assert Reason.OWN_POST.label not in page
    assert ONE_CAUSE not in page


def test_an_account_with_one_cause_says_so_with_the_remedy_as_a_button(as_alice, account):
    checks = [
        {"name": "group policy", "value": "allowlist", "source": "account", "passed": True},
        {"name": "group list", "value": "no valid entry", "source": "account", "passed": False},
    ]
    happened(account, Reason.GROUP_LIST_EMPTY, FEWEST, trail=checks)
    page = overview(as_alice, account)
    assert f"{ONE_CAUSE}: {Reason.GROUP_LIST_EMPTY.label}" in page
    assert Reason.GROUP_LIST_EMPTY.remedy in page
    card = page.split('id="du-one-cause"')[1].split("</section>")[0]
    assert f'href="/mattermost_bridge/accessentry/?account={account.pk}" class="du-button du-button-good"' in card
    assert f"/mattermost_bridge/account/{account.pk}/change/#id_group_policy" in card
    assert f"{EVENTS}?account={account.pk}&amp;reason=group_list_empty&amp;since=24h" in card
    happened(account, Reason.ADMITTED_MENTIONED)
    assert ONE_CAUSE not in overview(as_alice, account)


def test_somebody_who_may_not_see_events_is_told_nothing_of_them(as_somebody_who, account):
    happened(account, Reason.BLOCKED, FEWEST)
    page = overview(as_somebody_who("view_account"), account)
    assert ONE_CAUSE not in page
    assert "kept silent" not in page
