"""Single values on their way into a file."""

from __future__ import annotations

from typing import Any

from mattermost_bridge.config.setting import Setting
from mattermost_bridge.config.values import to_file


def put(result: dict[str, Any], setting: Setting, value: Any) -> None:
    """Write a stored value at its key, if it says something."""
    if not setting.is_set(value):
        return
    *way, last = setting.path
    for key in way:
        result = result.setdefault(key, {})
    result[last] = to_file(setting, value)
