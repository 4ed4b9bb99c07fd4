"""What `Durar up` tells the operator once everything answers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def path_hint(folder: Path, program: str = "Durar") -> str:
    """The line that puts the launcher in the virtual environment's `bin` on the PATH of a shell in `folder`; "" when
    it is there already, or when there is no launcher."""
    bin_folder = Path(sys.executable).parent
    found = shutil.which(program)
    if not (bin_folder / program).exists() or (found and Path(found).parent == bin_folder):
        return ""
    inside = bin_folder.is_relative_to(folder) and str(bin_folder.relative_to(folder))
    return f'export PATH="{f"$PWD/{inside}" if inside else bin_folder}:$PATH"'


def administrator(name: str, password: str) -> list[str]:
    """The first administrator, shown once."""
    return [
        "An administrator was made. This password is shown once; change it in the panel:",
        f"    name      {name}",
        f"    password  {password}",
    ]


def farewell(*, panel: str, sandbox: str, missing: list[str]) -> list[str]:
    """The last lines of a start, with the addresses at their very end."""
    lines = [f"Not everything is ready yet: {sentence}" for sentence in missing]
    if hint := path_hint(Path(os.environ.get("PWD") or Path.cwd())):
        lines += ["To use the command Durar in another terminal, in this directory:", f"    {hint}"]
    lines.append(f"Panel    {panel}")
    if sandbox:
        lines.append(f"Sandbox  {sandbox}")
    return lines
