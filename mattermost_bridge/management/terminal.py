"""What commands print: tables on a terminal, plain lines elsewhere, and errors that name a remedy."""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table

from mattermost_bridge.services.audit import Actor


def operator(via: str = "command") -> Actor:
    """Who acts on the command line: the system's user, as far as the system knows one."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user id
        name = "somebody"
    return Actor(f"{name} (terminal)", via)


@contextlib.contextmanager
def logs_to_stderr() -> Iterator[None]:
    """Within the block the log goes to standard error, so that what a program reads from a command is its answer only.
    Otherwise Durar's processes log to standard output."""
    moved = []
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler and handler.stream is not sys.stderr:
            moved.append((handler, handler.setStream(sys.stderr)))
    try:
        yield
    finally:
        for handler, stream in moved:
            if stream is not None:
                handler.setStream(stream)


def is_terminal(stream: OutputWrapper) -> bool:
    """Whether somebody reads what is printed there, rather than a program."""
    return bool(stream.isatty())


def print_json(stream: OutputWrapper, value: Any) -> None:
    """Print a value as JSON, with times as ISO texts."""
    stream.write(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(stream: OutputWrapper, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; cells are texts and never taken for markup."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console = Console(file=stream, force_terminal=is_terminal(stream), highlight=False)  # type: ignore[arg-type]
    console.print(table)
