"""Files that go out with posts: taken from a path or an address, kept in Django's storage until sent, uploaded.

Everything here reads files or calls over the network: call it outside of transactions.
"""

from __future__ import annotations

import mimetypes
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, TypedDict
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import Delivery
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.rules.files import size_in_words
from mattermost_bridge.services import fetching
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.fetching import Allowed, safe_name
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

FOLDER = "outgoing"
#: A post of Mattermost 5.37 to 11 takes so many.
PER_POST = 10
MOST_FILES = 50
#: Mebibytes of one file where nothing says otherwise (`mediaMaxMb`): a server's own limit as it comes.
BUILT_IN_MB = 100.0
UPLOAD_SECONDS = 120.0
#: Files that no delivery names stay so long: taking them and naming them is over in a moment.
ORPHANED = timedelta(days=1)
FAILED = "Mattermost media upload failed"


class Outgoing(TypedDict):
    """A file of a delivery. `path` is its place in the storage, `url` where it came from, if that was an address,
    `file_id` what the server calls it once it was uploaded."""

    name: str
    mime_type: str
    size: int
    path: str
    url: str
    file_id: str


def take_all(account: AccountSettings, sources: Sequence[str], *, any_path: bool) -> list[Outgoing]:
    """Take files by address or path into the storage. All of them or, raising Refused, none.

    With `any_path` every file that this process may read, as for who sits at the command line; else only those below
    the folder `media` of the state directory.
    """
    if len(sources) > MOST_FILES:
        raise Refused(f"{len(sources)} files are too many for one message; {MOST_FILES} are the most.")
    taken: list[Outgoing] = []
    try:
        for source in sources:
            taken.append(_take(account, source.strip(), any_path=any_path))
    except BaseException:
        remove(taken)
        raise
    return taken


def take_uploads(account: AccountSettings, uploads: Sequence[UploadedFile]) -> list[Outgoing]:
    """Take files that somebody sent with a form into the storage. All of them or, raising Refused, none."""
    if len(uploads) > MOST_FILES:
        raise Refused(f"{len(uploads)} files are too many for one message; {MOST_FILES} are the most.")
    longest = _longest(account)
    for upload in uploads:
        _refuse_longer(safe_name(upload.name or ""), upload.size or 0, longest)
    taken: list[Outgoing] = []
    try:
        for upload in uploads:
            name = safe_name(upload.name or "", upload.content_type or "")
            taken.append(_keep(upload, name, upload.content_type or "", upload.size or 0))
    except BaseException:
        remove(taken)
        raise
    return taken


def _longest(account: AccountSettings) -> int:
    """The most bytes that a file of the account may have."""
    return int((account.media_max_mb or BUILT_IN_MB) * 2**20)


def _refuse_longer(name: str, size: int, longest: int) -> None:
    if size > longest:
        raise Refused(f"{name} has {size_in_words(size)}; {size_in_words(longest)} are the most (mediaMaxMb).")


def _take(account: AccountSettings, source: str, *, any_path: bool) -> Outgoing:
    longest = _longest(account)
    if not source:
        raise Refused("A file is named by its path or its http(s) address; nothing was named.")
    if fetching.is_address(source):
        allowed = Allowed(private=account.allow_private_network, trusted=account.base_url)
        with tempfile.TemporaryFile() as content:
            found = fetching.fetch(source, content, allowed=allowed, longest=longest)
            content.seek(0)
            return _keep(content, found.name, found.mime_type, found.size, url=source)
    path = _allowed_path(source, any_path=any_path)
    try:
        with path.open("rb") as content:
            size = path.stat().st_size
            _refuse_longer(path.name, size, longest)
            return _keep(content, safe_name(path.name), mimetypes.guess_type(path.name)[0] or "", size)
    except OSError as error:
        raise Refused(f"The file {source} cannot be read: {error.strerror or error}.") from None


def _allowed_path(source: str, *, any_path: bool) -> Path:
    media = Path(settings.MEDIA_ROOT).resolve()
    try:
        by_address = source.lower().startswith("file:")
        path = Path(unquote(urlsplit(source).path) if by_address else source).expanduser()
        found = (path if path.is_absolute() or any_path else media / path).resolve()
        there = found.is_file()
    except (ValueError, RuntimeError, OSError):  # a NUL, the home of nobody, a name that is too long
        raise Refused(f"{source[:200]!r} is no path of a file. Give a path, or an http(s) address.") from None
    if not any_path and not found.is_relative_to(media):
        raise Refused(f"The file {source} is not below the folder media of the state directory, so it is not sent.")
    if not there:
        raise Refused(f"There is no file {source}. Give a path, or an http(s) address.")
    return found


def _keep(content: IO[bytes], name: str, mime_type: str, size: int, url: str = "") -> Outgoing:
    path = default_storage.save(f"{FOLDER}/{_new_folder()}/{name}", File(content))
    return Outgoing(name=name, mime_type=mime_type, size=size, path=path, url=url, file_id="")


def remove(files: Iterable[Outgoing]) -> None:
    """Take files out of the storage; one that is not there (any more) is no error."""
    for file in files:
        if not file.get("path"):
            continue
        try:
            default_storage.delete(file["path"])
            with suppress(OSError, NotImplementedError):  # other storages than folders have none
                Path(default_storage.path(file["path"])).parent.rmdir()
        except OSError as error:
            log.warning("a file that was sent could not be removed", path=file["path"], error=str(error))


def remove_orphans() -> int:
    """Remove files of a day ago that no delivery needs: its process ended before the commit that names them, or after
    the one that needs them no more. Returns how many. Reads the storage: call it outside of transactions.
    """
    before = timezone.now() - ORPHANED
    old = [path for path in _stored() if default_storage.get_modified_time(path) < before]
    if not old:
        return 0
    # Looked for after the files, so that one that was named meanwhile is seen. What was not sent can be sent again.
    rows = Delivery.objects.exclude(state=DeliveryState.SENT).exclude(files=[]).values_list("files", flat=True)
    needed = {file["path"] for files in rows.iterator() for file in files}
    orphans = [path for path in old if path not in needed]
    remove(Outgoing(name="", mime_type="", size=0, path=path, url="", file_id="") for path in orphans)
    if orphans:
        log.info("files that no message needs were removed", files=len(orphans))
    return len(orphans)


def _stored() -> Iterator[str]:
    """The files below FOLDER, in folders that `_keep` made; what an operator put there himself is none of them."""
    if not default_storage.exists(FOLDER):
        return
    for folder in default_storage.listdir(FOLDER)[0]:
        if len(folder) == len(_new_folder()):
            for name in default_storage.listdir(f"{FOLDER}/{folder}")[1]:
                yield f"{FOLDER}/{folder}/{name}"


def _new_folder() -> str:
    return secrets.token_urlsafe(18)


def remove_after_commit(delivery: Delivery) -> None:
    """The delivery's files are needed no more once the current transaction is committed."""
    if delivery.files:
        files = list(delivery.files)
        transaction.on_commit(lambda: remove(files), robust=True)


def upload_missing(client: MattermostClient, delivery: Delivery) -> list[str]:
    """Upload those files of a claimed delivery that the server has not; the ids of all of them, in order.

    Each id is saved at once, so that a later attempt does not upload the file again. Raises MattermostError, with
    `sent` False: a failed upload made no post.
    """
    for file in delivery.files:
        if file["file_id"]:
            continue
        try:
            with default_storage.open(file["path"], "rb") as content:
                info = client.upload_file(delivery.channel_id, file["name"], content, total=UPLOAD_SECONDS)
        except FileNotFoundError:
            raise MattermostError(
                f"{FAILED}: {file['name']} is not in the storage any more. Send the message anew.",
                permanent=True,
                sent=False,
            ) from None
        except MattermostError as error:
            raise _of_upload(error, file) from None
        file["file_id"] = info.id
        Delivery.objects.filter(pk=delivery.pk, claimed_by=holder()).update(files=delivery.files)
    return [file["file_id"] for file in delivery.files]


def _of_upload(error: MattermostError, file: Outgoing) -> MattermostError:
    return MattermostError(
        f"{FAILED}: {file['name']} ({size_in_words(file['size'])}): {error}",
        status=error.status,
        error_id=error.error_id,
        permanent=error.permanent,
        retry_after=error.retry_after,
        request_id=error.request_id,
        kind=error.kind,
        sent=False,
    )
