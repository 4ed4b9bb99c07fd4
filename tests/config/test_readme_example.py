"""The configuration that the README shows works as it is printed there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, Agent

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.django_db
def test_the_configuration_of_the_readme_sets_up_an_account_and_its_agent(tmp_path):
    block = re.search(r"```json5\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "durar.json5"
    file.write_text(block[1], encoding="utf-8")
    call_command("config", "import", str(file))
    settings = settings_for(Account.objects.get(account_id="default").pk)
    assert settings.configured
    assert settings.policy.dm_policy == "pairing"
    assert Agent.objects.get(pk=settings.agent_pk).model == "llama3.1"
