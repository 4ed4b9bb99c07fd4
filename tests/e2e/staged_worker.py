"""A Celery worker that kills itself, by SIGKILL, when it reaches the stage that a test has armed.

`python -m tests.e2e.staged_worker -A durar_site worker ...` takes what `celery` takes. The file that
DURAR_E2E_ARM names holds the stage; whoever dies of it removes it first, so it happens once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from tests.e2e import watch

#: Every stage between a post's arrival and its answer, in the order of its way.
FRAME_READ = "frame read"  # heard on the socket, not yet recorded
RECORDED = "event recorded"  # committed, and nobody told yet
DECIDED = "decided"  # outcome and turn committed, the turn not begun
AGENT_RUNNING = "agent running"
COMMITTED = "result committed"  # the delivery is claimed, nothing was sent
POSTED = "posted"  # the server made the post and the answer was never looked at
STAGES = (FRAME_READ, RECORDED, DECIDED, AGENT_RUNNING, COMMITTED, POSTED)


def reached(stage: str) -> None:
    """Die here if this is the armed stage."""
    arm = Path(os.environ["DURAR_E2E_ARM"])
    try:
        if arm.read_text() != stage:
            return
        arm.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def before(stage: str, holder: Any, name: str, when: Callable[..., bool] = lambda *_, **__: True) -> None:
    """Let the function `name` of `holder` reach `stage` before it begins, when its arguments are such."""
    original = getattr(holder, name)

    @wraps(original)
    def staged(*arguments: Any, **options: Any) -> Any:
        if when(*arguments, **options):
            reached(stage)
        return original(*arguments, **options)

    setattr(holder, name, staged)


def after(stage: str, holder: Any, name: str) -> None:
    """Let the function `name` of `holder` reach `stage` when it has done its work."""
    original = getattr(holder, name)

    @wraps(original)
    def staged(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        reached(stage)
        return result

    setattr(holder, name, staged)


def set_stages() -> None:
    """Put every stage into the code of this process."""
    from mattermost_bridge.agents.echo import EchoAgent
    from mattermost_bridge.mattermost.rest import MattermostClient
    from mattermost_bridge.services import hints, inbox, outbox, turn_runner

    before(FRAME_READ, inbox, "record", lambda _account, drafts, **_: any(one.kind == "post" for one in drafts))
    before(RECORDED, hints, "send", lambda name, _arguments: name == inbox.PROCESS)
    before(DECIDED, turn_runner, "run")
    before(AGENT_RUNNING, EchoAgent, "answer")
    before(COMMITTED, outbox, "send_claimed")
    after(POSTED, MattermostClient, "create_post")


def main() -> None:
    """Be a worker, with stages."""
    import django

    django.setup()
    set_stages()
    watch.install()
    from celery.__main__ import main as celery

    sys.argv[0] = "celery"
    celery()


if __name__ == "__main__":
    main()
