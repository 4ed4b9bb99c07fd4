"""Files: uploading, what they are, and their content."""

from email import message_from_string
from urllib.parse import quote

from aiohttp import web

from mattermost_bridge.sandbox import filing
from mattermost_bridge.sandbox.calls import Call, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body
from mattermost_bridge.sandbox.ids import is_valid_id

_MISSING = "app.file_info.get.app_error"
_MISSING_CONTENT_MODERN = "api.file.get_file_info.app_error"
_ROOM_FOR_FORM = 64 * 1024
"""bytes that a multipart form may have beside its files"""


async def upload(call: Call) -> web.Response:
    """POST files: a form with `channel_id` and `files`, or one file as the body, its name in the query."""
    request = call.request
    filing.check_size(call.box, (request.content_length or 0) - _ROOM_FOR_FORM)
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        filing.check_size(call.box, call.box.settings.max_file_size + 1)
        raise
    if request.content_type == "multipart/form-data":
        fields, files = _form(request.headers["Content-Type"], body)
    else:
        name = request.query.get("filename", "")
        fields, files = [("channel_id", request.query.get("channel_id", ""))], [(name, body)]
        if not name:
            raise invalid_body("filename")
    channel_id = next((value for name, value in fields if name == "channel_id"), "")
    if not is_valid_id(channel_id):
        raise invalid_body("channel_id")
    if not files:
        raise ApiError(400, "api.file.upload_file.incorrect_number_of_files.app_error", "There are no files.")
    for _name, content in files:  # none is kept when one of them is too large
        filing.check_size(call.box, len(content))
    kept = [filing.keep(call.box, call.user, channel_id, name, content) for name, content in files]
    shown = [file.as_json(modern=call.box.settings.modern) for file in kept]
    client_ids = [value for name, value in fields if name == "client_ids"]
    return reply({"file_infos": shown, "client_ids": client_ids}, 201)


def _form(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, bytes]]]:
    """Return the fields and the files of a multipart form. Raises ApiError 400 for one that cannot be read."""
    boundary = message_from_string(f"Content-Type: {content_type}\r\n\r\n").get_boundary()
    if not boundary:
        raise invalid_body("files")
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:]:
        if part.startswith(b"--"):
            break
        head, blank, content = part.partition(b"\r\n\r\n")
        headers = message_from_string(head.decode("utf-8", "replace").strip() + "\r\n\r\n")
        name = headers.get_param("name", header="content-disposition")
        if not blank or not isinstance(name, str):
            raise invalid_body("files")
        filename = headers.get_filename()
        if filename is None:
            fields.append((name, content.decode("utf-8", "replace")))
        elif name == "files":
            files.append((filename, content))
    return fields, files


async def info(call: Call) -> web.Response:
    """GET files/{id}/info."""
    file = filing.readable(call.box, call.user, call.id_in_path("file_id"), missing_id=_MISSING)
    return reply(file.as_json(modern=call.box.settings.modern))


async def content(call: Call) -> web.Response:
    """GET files/{id}: its bytes, as an attachment."""
    missing = _MISSING_CONTENT_MODERN if call.box.settings.modern else _MISSING
    file = filing.readable(call.box, call.user, call.id_in_path("file_id"), missing_id=missing)
    named = quote(file.name, safe="")
    headers = {
        "Content-Type": file.mime_type,
        "Content-Disposition": f"attachment;filename=\"{named}\"; filename*=UTF-8''{named}",
        "Cache-Control": "private, max-age=86400",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=file.content, headers=headers)


ROUTES = (
    ("POST", "/files", upload),
    ("GET", "/files/{file_id}", content),
    ("GET", "/files/{file_id}/info", info),
)
