"""uvicorn and Celery bring logs of their own; here they write through ours."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

from tests.e2e.databases import clean_environment
from tests.e2e.processes import REPOSITORY

TOKEN = "8x3kq1zpdtnyf7a9mw5ehr2ocu"


def test_celery_adds_no_handler_and_leaves_the_standard_output_alone():
    from durar_site.celery import app

    before, stdout = list(logging.getLogger().handlers), sys.stdout
    app.log.setup(loglevel="DEBUG", redirect_stdouts=True)
    assert logging.getLogger().handlers == before
    assert logging.getLogger("celery").handlers == []
    assert sys.stdout is stdout


def test_what_uvicorn_and_celery_say_is_redacted(tmp_path):
    code = f"""
import logging, uvicorn
uvicorn.Config("durar_site.asgi:application", log_level="warning").load()
from durar_site.celery import app
app.log.setup(loglevel="DEBUG")
for name in ("uvicorn", "uvicorn.error", "celery", "celery.worker", "kombu", "django.request", "a.library"):
    logging.getLogger(name).error("token={TOKEN}")
    logging.getLogger(name).info("quiet")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=clean_environment() | {"DURAR_STATE_DIR": str(tmp_path), "DURAR_LOG_JSON": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["logger"] for line in lines] == [
        *("uvicorn", "uvicorn.error", "celery", "celery.worker", "kombu", "django.request", "a.library")
    ]
    assert {line["event"] for line in lines} == {"token=[removed]"}
    assert TOKEN not in done.stdout + done.stderr
    assert "quiet" not in done.stdout + done.stderr
