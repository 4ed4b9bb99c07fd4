"""Files that came with posts: what they are, and their content."""

from .answers import ReadingCalls
from .types import FileInfo


class FileCalls(ReadingCalls):
    """The calls that read files."""

    def file_info(self, file_id: str) -> FileInfo:
        """Return name, size and type of a file; 404 when there is none, 403 when the bot may not see its channel."""
        return self._one(FileInfo, self._request("GET", "files", file_id, "info"))

    def file_content(self, file_id: str, *, longest: int, total: float) -> bytes:
        """Return a file's bytes, read as they come, within `total` seconds.

        Raises TooLong (a MattermostError) as soon as there are more than `longest`, whatever the server said its size
        is; else the same errors as `file_info`.
        """
        return self._download("files", file_id, total=total, longest=longest)
