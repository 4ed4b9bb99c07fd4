"""The process: its one line, its errors, its state file and its end."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from mattermost_bridge.sandbox.testing import REPOSITORY, SandboxProcess
from tests.sandbox.ears import Ear

pytestmark = pytest.mark.processes


def run(*arguments):
    command = [sys.executable, "-m", "mattermost_bridge.sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)


def failed_with_one_sentence(result):
    one_sentence = result.stderr.count("\n") == 1 and result.stderr.endswith(".\n")
    return (result.returncode, result.stdout) == (1, "") and one_sentence


def test_a_busy_port_is_one_sentence_and_status_1():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        result = run("--port", str(port))
    assert failed_with_one_sentence(result)
    assert str(port) in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--port", "x"], ["--port", "70000"], ["--nonsense"], ["--bind", "192.0.2.1"], ["--server-version", "4"]],
)
def test_bad_arguments_are_one_sentence_and_status_1(arguments):
    assert failed_with_one_sentence(run(*arguments))


def test_a_state_file_that_is_none_or_has_no_folder_is_refused(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"a": 1}')
    assert failed_with_one_sentence(run("--port", "0", "--state", str(other)))
    assert failed_with_one_sentence(run("--port", "0", "--state", str(tmp_path / "none" / "state.json")))


def test_sigterm_ends_sockets_without_a_close_frame_and_the_process_with_status_0():
    with SandboxProcess() as sandbox, Ear(sandbox) as ear:
        hang = sandbox.fault("hang", path="^/users/me$")
        assert sandbox.terminate() == 0
        assert ear.end()[1] is False
        assert hang


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_the_state_file_keeps_the_world_over_restarts(tmp_path, end):
    state = tmp_path / "state.json"
    with SandboxProcess(state_file=state) as sandbox:
        sandbox.create_channel("alice", "kept")
        sandbox.add_member("alice", "kept", "durar")
        post = sandbox.post("alice", "kept", "kept post")
        sandbox.react("bob", sandbox.post("bob", "support", "x")["id"], "heart")
        sandbox.edit("alice", post["id"], "kept edit")
        token = sandbox.issue_token("durar")
        if end == "kill":
            sandbox.wait_for(lambda: state.exists() and token in state.read_text(), what="the state file")
        getattr(sandbox, end)()
        base_url = sandbox.base_url
        sandbox.start()
        assert sandbox.base_url == base_url
        rows = sandbox.posts("kept", with_deleted=True)
        assert [row["message"] for row in rows if not row["type"]] == ["kept edit", "kept post"]
        headers = {"Authorization": f"Bearer {token}"}
        assert sandbox.raw("durar", "GET", f"/channels/{post['channel_id']}/members/me", headers=headers).ok
        assert sandbox.raw("durar", "GET", "/users/me").ok
        sandbox.reset()
    assert json.loads(state.read_text())["posts"] == []
    assert list(tmp_path.iterdir()) == [state]


def test_it_ends_when_whoever_started_it_dies():
    sandbox = SandboxProcess()
    sandbox.start()
    process = sandbox._process
    process.stdin.close()
    assert process.wait(30) == 0
    sandbox.stop()


def test_ctrl_c_ends_it_cleanly():
    with SandboxProcess() as sandbox:
        process = sandbox._process
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert sandbox.errors() == ""


def test_more_people_may_be_seeded():
    with SandboxProcess(people=3) as sandbox:
        assert sandbox.api("person03", "GET", "/users/me")["username"] == "person03"


def test_it_imports_nothing_of_the_rest():
    code = (
        "import sys, mattermost_bridge.sandbox.__main__, mattermost_bridge.sandbox.testing\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'celery')"
        " or (name.startswith('mattermost_bridge.') and not name.startswith('mattermost_bridge.sandbox'))])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=True
    )
    assert result.stdout.strip() == "[]"
