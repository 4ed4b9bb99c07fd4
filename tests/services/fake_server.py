"""A Mattermost at the client's seam, for tests of what is decided after each kind of answer.

The way over real HTTP is tested against the sandbox; here a test says precisely what the server does with a call.
"""

from __future__ import annotations

from itertools import count

from mattermost_bridge.mattermost.calls import TooLong
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import FileInfo, Post, User


def refused(status: int, error_id: str = "", **values) -> MattermostError:
    """An answer that says no."""
    return MattermostError(f"Mattermost API {status}", status=status, error_id=error_id, kind="http", **values)


def lost() -> MattermostError:
    """The connection ended without an answer."""
    return MattermostError("The connection was closed without an answer.", kind="network", sent=True)


def unreachable() -> MattermostError:
    """No connection was made at all."""
    return MattermostError("Connection refused.", kind="network", sent=False)


def timed_out() -> MattermostError:
    """No answer in time."""
    return MattermostError("No answer within 15 s.", kind="timeout", sent=True)


class FakeServer:
    """Posts by pending_post_id as the server keeps them; `script` says what the next calls do.

    An entry of `script` is None (works), an error (nothing happens), or `(error, "made")`: the post is made and the
    answer lost. `fails` names calls that only read, and the error that each ends with.
    """

    def __init__(self, bot_id: str) -> None:
        self.bot_id = bot_id
        self.posts: list[Post] = []
        self.deleted: list[str] = []
        self.script: list = []
        self.calls: list[str] = []
        self.gone_roots: set[str] = set()
        self.threads: dict[str, list[Post]] = {}
        self.files: dict[str, tuple[FileInfo, bytes]] = {}
        self.people: dict[str, str] = {}
        self.fails: dict[str, MattermostError] = {}
        self._numbers = count(1)

    def client_for(self, *_: object, **__: object) -> FakeServer:
        """Stand in for `rest.client_for`."""
        return self

    def texts(self) -> list[str]:
        """What people see, in order."""
        return [post.message for post in self.posts if post.id not in self.deleted]

    def make(self, channel_id: str, message: str, root_id: str = "", props: dict | None = None) -> Post:
        """Make a post as the bot."""
        number = next(self._numbers)
        post = Post(
            id=f"made{number}".ljust(26, "x"),
            create_at=1_795_345_000_000 + number,
            user_id=self.bot_id,
            channel_id=channel_id,
            root_id=root_id,
            message=message,
            props=props or {},
        )
        self.posts.append(post)
        return post

    def create_post(self, channel_id, message, *, root_id="", props=None, pending_post_id="", file_ids=()):
        self.calls.append("create_post")
        step = self.script.pop(0) if self.script else None
        if isinstance(step, tuple):
            self.make(channel_id, message, root_id, props)
            raise step[0]
        if step is not None:
            raise step
        if root_id in self.gone_roots:
            raise refused(400, "api.post.create_post.root_id.app_error")
        return self.make(channel_id, message, root_id, props)

    def posts_since(self, channel_id, since_ms):
        self.calls.append("posts_since")
        return [post for post in self.posts if post.channel_id == channel_id and post.create_at > since_ms]

    def posts_before(self, channel_id, *, before="", per_page=200):
        self.calls.append("posts_before")
        mine = sorted((p for p in self.posts if p.channel_id == channel_id), key=lambda p: p.create_at, reverse=True)
        if before:
            edge = next(p.create_at for p in mine if p.id == before)
            mine = [p for p in mine if p.create_at < edge]
        return mine[:per_page]

    def post(self, post_id):
        self.calls.append("post")
        if post_id in self.gone_roots:
            raise refused(404, "app.post.get.app_error")
        return Post(id=post_id)

    def delete_post(self, post_id):
        self.deleted.append(post_id)
        return True

    def typing(self, channel_id, parent_id=""):
        self.calls.append("typing")

    def me(self):
        self.calls.append("me")

    def server_now_ms(self):
        return 1_795_345_000_000 if "me" in self.calls else None

    def _reads(self, call: str) -> None:
        self.calls.append(call)
        if call in self.fails:
            raise self.fails[call]

    def thread(self, post_id, *, before=None, limit=199):
        self._reads("thread")
        return list(self.threads.get(post_id, ()))

    def users_by_ids(self, user_ids):
        self._reads("users_by_ids")
        return [User(id=user_id, username=self.people[user_id]) for user_id in user_ids if user_id in self.people]

    def put_file(self, name: str, mime_type: str, content: bytes, size: int | None = None) -> str:
        """Keep a file as if a person had uploaded it; returns its id."""
        file_id = f"file{next(self._numbers)}".ljust(26, "f")
        size = len(content) if size is None else size
        self.files[file_id] = (FileInfo(file_id, name, size=size, mime_type=mime_type), content)
        return file_id

    def file_info(self, file_id):
        self._reads("file_info")
        if file_id not in self.files:
            raise refused(404, "app.file_info.get.app_error")
        return self.files[file_id][0]

    def file_content(self, file_id, *, longest, total):
        self._reads("file_content")
        content = self.files[file_id][1]
        if len(content) > longest:
            raise TooLong("http://127.0.0.1:9", longest)
        return content
