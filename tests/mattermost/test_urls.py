"""Base URLs are normalised, and no id can lead a request to another path."""

import pytest

from mattermost_bridge.mattermost.urls import api_path, normalise_base_url, websocket_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://chat.example.com", "https://chat.example.com"),
        ("  https://chat.example.com///  ", "https://chat.example.com"),
        ("https://chat.example.com/api/v4", "https://chat.example.com"),
        ("https://chat.example.com/API/V4/", "https://chat.example.com"),
        ("http://localhost:8065/mm/api/v4//", "http://localhost:8065/mm"),
        ("HTTPS://Chat.Example.COM/Mm", "https://chat.example.com/Mm"),
        ("https://chat.example.com:443/", "https://chat.example.com"),
        ("http://[::1]:8065", "http://[::1]:8065"),
    ],
)
def test_a_base_url_is_brought_to_one_form(text, expected):
    assert normalise_base_url(text) == expected
    assert normalise_base_url(expected) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "http:// or https://"),
        ("chat.example.com", "http:// or https://"),
        ("ftp://chat.example.com", "http:// or https://"),
        ("https://", "names no host"),
        ("https://:8065", "names no host"),
        ("https://bot:secret@chat.example.com", "user name or password"),
        ("https://chat.example.com/?a=b", "the \\?"),
        ("https://chat.example.com/#x", "the \\?"),
        ("https://chat.example.com:abc", "cannot be read"),
        ("https://chat.example.com:99999", "cannot be read"),
        ("https://chat example.com", "blank"),
        ("https://chat.example.com/a\nb", "blank"),
        ("https://chat.example.com/a/../b", "as a part"),
        ("https://chat.example.com/%2e%2e/b", "as a part"),
    ],
)
def test_what_is_no_base_url_is_refused_with_a_sentence(text, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        normalise_base_url(text)
    assert "secret" not in str(caught.value)


def test_the_websocket_is_beside_the_api():
    assert websocket_url("http://localhost:8065/mm/") == "ws://localhost:8065/mm/api/v4/websocket"
    assert websocket_url("https://chat.example.com/api/v4") == "wss://chat.example.com/api/v4/websocket"


def test_segments_of_a_path_are_encoded():
    assert api_path("users", "username", "a/b?c#d%2e +ü") == "/api/v4/users/username/a%2Fb%3Fc%23d%252e%20%2B%C3%BC"


@pytest.mark.parametrize("segment", ["", ".", "..", "%2e%2e", "%2E.", "a\\b", "a%5cb", "a\nb", "a\tb", "a%00b"])
def test_segments_that_would_lead_elsewhere_are_refused(segment):
    with pytest.raises(ValueError, match="not allowed"):
        api_path("posts", segment)
