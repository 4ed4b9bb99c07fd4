"""Files of posts: what they are, their content, and how they come to the server."""

from typing import IO

from .answers import ReadingCalls
from .types import FileInfo

LONGEST_NAME = 100
"""Characters of a file's name at most: it travels in the address, which newer servers bound."""


class FileCalls(ReadingCalls):
    """The calls that read and upload files."""

    def upload_file(self, channel_id: str, name: str, content: IO[bytes], *, total: float) -> FileInfo:
        """Upload a file for a post in a channel and return what the server made of it, within `total` seconds.

        Its id can be given to one post. 403 when the bot may not post there, 413 when the file is too large. Raises
        MattermostError, also when the server answers without an id.
        """
        params: dict[str, str | int] = {"channel_id": channel_id, "filename": _short(name)}
        answer = self._object(self._upload("files", params=params, body=content, total=total))
        infos = self._many(FileInfo, answer.get("file_infos"))
        if not infos:
            raise self._protocol_error(f"{self._origin} took a file and gave no id for it")
        return infos[0]

    def file_info(self, file_id: str) -> FileInfo:
        """Return name, size and type of a file; 404 when there is none, 403 when the bot may not see its channel."""
        return self._one(FileInfo, self._request("GET", "files", file_id, "info"))

    def file_content(self, file_id: str, *, longest: int, total: float) -> bytes:
        """Return a file's bytes, read as they come, within `total` seconds.

        Raises TooLong (a MattermostError) as soon as there are more than `longest`, whatever the server said its size
        is; else the same errors as `file_info`.
        """
        return self._download("files", file_id, total=total, longest=longest)


def _short(name: str) -> str:
    """The name with at most `LONGEST_NAME` characters, its extension kept."""
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        return name[:LONGEST_NAME]
    return stem[: LONGEST_NAME - len(extension) - 1] + dot + extension
