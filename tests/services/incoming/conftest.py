"""Fixtures of these tests: those of the services' tests, and a turn that is being worked on."""

from __future__ import annotations

from tests.services.conftest import _room_for_all, hinted, server

__all__ = ["_room_for_all", "hinted", "server"]
