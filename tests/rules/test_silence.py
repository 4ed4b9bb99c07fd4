"""An account of which nobody was answered for one cause alone is told from others."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.silence import FEWEST, is_silence, one_cause
from mattermost_bridge.rules.types import Outcome

CASES = [
    ({}, None),
    ({Reason.NO_MENTION: FEWEST}, Reason.NO_MENTION),
    ({Reason.NO_MENTION: FEWEST - 1}, None),
    ({Reason.NO_AGENT: 40}, Reason.NO_AGENT),
    ({Reason.GROUP_LIST_EMPTY: 9, Reason.OWN_POST: 3, Reason.SYSTEM_POST: 8}, Reason.GROUP_LIST_EMPTY),
    ({Reason.OWN_POST: 30, Reason.EMPTY_POST: 30}, None),
    ({Reason.NO_MENTION: 9, Reason.DM_NOT_LISTED: 1}, None),
    ({Reason.NO_MENTION: 9, Reason.ADMITTED_MENTIONED: 1}, None),
    ({Reason.NO_MENTION: 9, Reason.ADMITTED_COMMAND: 1}, None),
    ({Reason.NO_MENTION: 9, Reason.ADMITTED_MENTIONED: 0, Reason.BLOCKED: 0}, Reason.NO_MENTION),
    ({Reason.DM_DISABLED: 9, Reason.REACTION_NOTED: 2}, Reason.DM_DISABLED),
    ({Reason.PAIRING_REQUIRED: 3, Reason.PAIRING_REPEATED: 4}, Reason.PAIRING_REQUIRED),
    ({Reason.PAIRING_REQUIRED: 3, Reason.PAIRING_QUEUE_FULL: 4}, Reason.PAIRING_QUEUE_FULL),
    ({Reason.PAIRING_REQUIRED: 3, Reason.PAIRING_REPEATED: 1}, None),
    ({Reason.PAIRING_REQUIRED: 5, Reason.BLOCKED: 1}, None),
    ({Reason.NO_MENTION: 9, Reason.OTHER_BOT: 7}, Reason.NO_MENTION),
    ({Reason.NO_MENTION: 1, Reason.OTHER_BOT: 7}, None),
    ({Reason.OTHER_WEBHOOK: 7, Reason.SYSTEM_POST: 2}, Reason.OTHER_WEBHOOK),
    ({Reason.OTHER_WEBHOOK: 7, Reason.OTHER_BOT: 2}, None),
    ({Reason.FAILED_PROCESSING: 6}, Reason.FAILED_PROCESSING),
    ({"a_code_of_a_later_version": 9, Reason.BLOCKED: 5}, Reason.BLOCKED),
    ({"": 9}, None),
]


@pytest.mark.parametrize(("counts", "expected"), CASES)
def test_one_cause_is_found(counts, expected):
    assert one_cause(counts) is expected
    assert one_cause({str(code): count for code, count in counts.items()}) is expected


@pytest.mark.parametrize("reason", list(Reason))
def test_every_silence_that_could_be_changed_can_be_the_one_cause(reason):
    found = one_cause({reason: FEWEST})
    if reason.outcome is Outcome.ADMITTED or not reason.remedy:
        assert not is_silence(reason)
        assert found is None
    else:
        assert found is (Reason.PAIRING_REQUIRED if reason is Reason.PAIRING_REPEATED else reason)
