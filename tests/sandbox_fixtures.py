"""Fixtures that give a test a sandbox: one process for the session, a fresh world for each test."""

from collections.abc import Iterator

import pytest

from mattermost_bridge.sandbox.testing import SandboxProcess


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    """One sandbox process for all tests of a session; use `sandbox`, which resets it."""
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    """A running sandbox in its start world."""
    sandbox_process.reset()
    return sandbox_process
