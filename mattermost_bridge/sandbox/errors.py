"""The errors of API v4: a status, an id to branch on and a message, in one JSON shape."""

from typing import Any


class ApiError(Exception):
    """An error answer of the REST API or a FAIL of the WebSocket."""

    def __init__(self, status: int, error_id: str, message: str) -> None:
        super().__init__(f"{status} {error_id}: {message}")
        self.status = status
        self.error_id = error_id
        self.message = message

    def as_rest(self, request_id: str) -> dict[str, Any]:
        """Return the body of a REST answer."""
        return {
            "id": self.error_id,
            "message": self.message,
            "detailed_error": "",
            "request_id": request_id,
            "status_code": self.status,
        }

    def as_frame(self) -> dict[str, Any]:
        """Return the `error` object of a WebSocket reply, which has no request id."""
        return {
            "id": self.error_id,
            "message": self.message,
            "detailed_error": "",
            "status_code": self.status,
        }


class ServerPanic(Exception):
    """The real server crashes in this request: the connection closes without an answer."""


def no_permission() -> ApiError:
    """403, also for what does not exist: Mattermost does not tell the two apart."""
    return ApiError(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.")


def session_expired() -> ApiError:
    """401: a bad, revoked or missing token and a disabled bot all look like this."""
    return ApiError(401, "api.context.session_expired.app_error", "Invalid or expired session, please login again.")


def invalid_body(name: str) -> ApiError:
    """400: a field of the body, or a query parameter, that cannot be used."""
    return ApiError(400, "api.context.invalid_body_param.app_error", f"Invalid or missing {name} in request body.")


def invalid_url(name: str) -> ApiError:
    """400: a malformed id in the path."""
    return ApiError(
        400, "api.context.invalid_url_param.app_error", f"Invalid or missing {name} parameter in request URL."
    )


def post_missing() -> ApiError:
    """404: a post that is unknown or deleted."""
    return ApiError(404, "app.post.get.app_error", "Unable to get the post.")


def channel_missing() -> ApiError:
    """404: a channel id that nobody has."""
    return ApiError(404, "app.channel.get.existing.app_error", "Unable to find the existing channel.")


def action_missing() -> ApiError:
    """404: a button that the post does not have (any more), or behind which nothing stands."""
    return ApiError(404, "api.post.do_action.action_id.app_error", "Invalid action id.")


def integration_failed() -> ApiError:
    """400: whatever an integration did wrong, the person who clicked sees this."""
    return ApiError(400, "api.post.do_action.action_integration.app_error", "Action integration error.")


def route_missing() -> dict[str, Any]:
    """Return the body for an unknown route, the one error without a request id."""
    return {
        "id": "api.context.404.app_error",
        "message": "Sorry, we could not find the page.",
        "detailed_error": "",
        "status_code": 404,
    }
