"""What Mattermost sends, as seen on a live server (5.37 unless a name says 11); ids filled up to 26 characters."""

from __future__ import annotations

import json
from typing import Any

TOKEN = "oh6d5rq7mtb13ffzxgd1rj4x5y"
ME = "5bhbguun5ighibm9wz13fwfxer"
ALICE = "sr76x9yz1jyqpbmbbn8aa1cc2d"
CHANNEL = "igc1mwfykfbqfp8w8dkw1cdbah"
DIRECT = "4uium8qa4pnx9xyw1kkd1cz2hc"
TEAM = "9d8bpwfykfbqfp8w8dkw1cdbqq"
POST = "hrs7qh1ecfbwpkgcb7w6tzy3eo"
ROOT = "gbjdo7sxt3dm3mpmkq7a7hbk3w"

ME_JSON = {
    "id": ME,
    "create_at": 1795344791341,
    "update_at": 1795344791341,
    "delete_at": 0,
    "username": "durar",
    "auth_data": "",
    "auth_service": "",
    "email": "durar@localhost",
    "nickname": "",
    "first_name": "Durar",
    "last_name": "",
    "position": "",
    "roles": "system_user",
    "notify_props": {"channel": "true", "comments": "never", "desktop": "mention"},
    "locale": "en",
    "timezone": {},
    "is_bot": True,
    "bot_description": "test bot",
    "disable_welcome_email": False,
}
POST_JSON = {
    "id": POST,
    "create_at": 1795344909945,
    "update_at": 1795344909945,
    "edit_at": 0,
    "delete_at": 0,
    "is_pinned": False,
    "user_id": ME,
    "channel_id": CHANNEL,
    "root_id": "",
    "parent_id": "",
    "original_id": "",
    "message": "hello *from* bot @alice",
    "type": "",
    "props": {"from_bot": "true"},
    "hashtags": "",
    "pending_post_id": "",
    "reply_count": 0,
    "last_reply_at": 0,
    "participants": None,
    "metadata": {},
}
DIRECT_JSON = {
    "id": DIRECT,
    "create_at": 1795344800000,
    "team_id": "",
    "type": "D",
    "display_name": "",
    "name": f"{ME}__{ALICE}",
    "last_post_at": 0,
    "total_msg_count": 0,
    "creator_id": ME,
}


def error_json(
    error_id: str, status: int, message: str = "You do not have the appropriate permissions."
) -> dict[str, Any]:
    """The usual error body."""
    return {
        "id": error_id,
        "message": message,
        "detailed_error": "",
        "request_id": "j7wf1111111111111111111111",
        "status_code": status,
    }


SESSION_EXPIRED = error_json(
    "api.context.session_expired.app_error", 401, "Invalid or expired session, please login again."
)
PERMISSIONS = error_json("api.context.permissions.app_error", 403)

HELLO = (
    '{"event":"hello","data":{"connection_id":"","server_version":"5.37.0.local.62348ee83ecdab5911e2a725db0be014.false"},'
    '"broadcast":{"omit_users":null,"user_id":"' + ME + '","channel_id":"","team_id":""},"seq":0}\n'
)
HELLO_11 = (
    '{"event": "hello", "data": {"connection_id":"r3tp1u3bqtbnjqn6ytzbsdkajr","server_version":"11.6.0.1234.'
    + "ab" * 32
    + '.true","server_hostname":"mm-1"}, "broadcast": {"omit_users":null,"user_id":"'
    + ME
    + '","channel_id":"","team_id":"","connection_id":"r3tp1u3bqtbnjqn6ytzbsdkajr","omit_connection_id":""}, "seq": 0}'
)
CHALLENGE_OK = '{"status":"OK","seq_reply":1}\n'
STATUS_CHANGE = (
    '{"event":"status_change","data":{"status":"online","user_id":"' + ME + '"},"broadcast":{"omit_users":null,'
    '"user_id":"' + ME + '","channel_id":"","team_id":""},"seq":1}\n'
)
PONG = (
    '{"status":"OK","seq_reply":2,"data":{"node_id":"","server_time":1795345015655,"text":"pong","version":"5.37.0"}}\n'
)
PING_REVOKED = (
    '{"status":"FAIL","seq_reply":2,"error":{"id":"api.context.invalid_token.error","message":"Invalid session token='
    + TOKEN
    + ', err=","detailed_error":"","status_code":401}}\n'
)
PING_DISABLED = (
    '{"status":"FAIL","seq_reply":2,"error":{"id":"api.web_socket_router.not_authenticated.app_error","message":'
    '"Invalid WebSocket request.","detailed_error":"","status_code":401}}\n'
)
BAD_SEQ = (
    '{"status":"FAIL","error":{"id":"api.web_socket_router.bad_seq.app_error","message":'
    '"Invalid sequence for WebSocket message.","detailed_error":"","status_code":400}}\n'
)


def post_json(**changes: Any) -> dict[str, Any]:
    """A post of alice in the channel, as it stands in the `posted` event."""
    values = {**POST_JSON, "id": ROOT, "user_id": ALICE, "message": "hey @durar please", "props": {}}
    return {**values, **changes}


def event(
    name: str, data: Any, *, seq: int = 4, channel_id: str = CHANNEL, user_id: str = "", team_id: str = ""
) -> str:
    """A WebSocket event as 5.37 writes it: compact JSON and a line feed."""
    broadcast = {"omit_users": None, "user_id": user_id, "channel_id": channel_id, "team_id": team_id}
    frame = {"event": name, "data": data, "broadcast": broadcast, "seq": seq}
    return json.dumps(frame, separators=(",", ":")) + "\n"


def posted(post: dict[str, Any] | None = None, *, seq: int = 4, **data: Any) -> str:
    """The `posted` event of a post; data keys with the value None are left out."""
    values = {
        "channel_display_name": "Incidents",
        "channel_name": "incidents",
        "channel_type": "O",
        "mentions": json.dumps([ME]),
        "post": json.dumps(post_json() if post is None else post),
        "sender_name": "@alice",
        "set_online": True,
        "team_id": TEAM,
        **data,
    }
    return event("posted", {key: value for key, value in values.items() if value is not None}, seq=seq)
