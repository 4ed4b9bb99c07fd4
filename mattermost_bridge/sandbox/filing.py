"""Files: uploaded by somebody, attached to one post, read by who may read that post."""

import mimetypes
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox.errors import ApiError, no_permission
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import Post, StoredFile, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox
    from mattermost_bridge.sandbox.state import State

MOST_IN_A_POST = 10


def keep(box: "Sandbox", owner: User, channel_id: str, name: str, content: bytes) -> StoredFile:
    """Keep an uploaded file that no post has yet. Raises ApiError 403 for a foreign channel, 413 for a large file."""
    if not box.state.is_member(owner.id, channel_id):
        raise no_permission()
    check_size(box, len(content))
    name = name.replace("\\", "/").rpartition("/")[2] or "file"
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    now = box.state.clock.ms()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    file = StoredFile(new_id(), owner.id, channel_id, "", now, now, name, ending, kind, content)
    box.state.files[file.id] = file
    box.state.on_change()
    return file


def check_size(box: "Sandbox", size: int) -> None:
    """Raise ApiError 413 for what is larger than the server's MaxFileSize."""
    if size > box.settings.max_file_size:
        raise ApiError(
            413,
            "api.file.upload_file.too_large_detailed.app_error",
            f"Unable to upload file. {size} bytes exceeds the maximum allowed {box.settings.max_file_size} bytes.",
        )


def attachable(box: "Sandbox", author: User, wanted: Iterable[str]) -> list[str]:
    """Return those of the ids that the author may attach now; all others are dropped without a word.

    A file is attached once, by who uploaded it. Newer servers sort the ids. Raises ApiError 400 for too many.
    """
    ids = list(dict.fromkeys(wanted))
    if len(ids) > MOST_IN_A_POST:
        raise ApiError(400, "model.post.is_valid.file_ids.app_error", "Invalid file ids.")
    files = box.state.files
    mine = [one for one in ids if one in files and files[one].user_id == author.id and not files[one].post_id]
    return sorted(mine) if box.settings.modern else mine


def attach(state: "State", post: Post) -> None:
    """Note on the files of a new post that they are its own now."""
    for file_id in post.file_ids:
        if file_id in state.files:
            state.files[file_id].post_id = post.id


def drop(state: "State", post: Post) -> None:
    """A post was deleted, and its files with it."""
    for file_id in post.file_ids:
        if file_id in state.files:
            state.files[file_id].delete_at = post.delete_at


def infos(state: "State", post: Post, *, modern: bool) -> list[dict[str, Any]]:
    """Return what `metadata.files` shows of a post's files."""
    return [state.files[one].as_json(modern=modern) for one in post.file_ids if one in state.files]


def readable(box: "Sandbox", reader: User, file_id: str, *, missing_id: str) -> StoredFile:
    """Return a file that the reader may see. Raises ApiError 404 with `missing_id`, or 403."""
    file = box.state.files.get(file_id)
    if file is None or file.delete_at:
        raise ApiError(404, missing_id, "Unable to get the file info.")
    if file.user_id != reader.id and not reader.is_admin:
        post = box.state.live_post(file.post_id)
        if post is None or not box.state.is_member(reader.id, post.channel_id):
            raise no_permission()
    return file
