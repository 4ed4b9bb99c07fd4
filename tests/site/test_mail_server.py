"""The mail server in the environment."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from durar_site.environment import mail_server


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.com", 25, False, False),
        ("smtp+tls://mail.example.com", 587, True, False),
        ("smtps://mail.example.com", 465, False, True),
        ("smtps://mail.example.com:2465", 2465, False, True),
    ],
)
def test_the_scheme_says_how_the_way_is_protected(url, port, tls, ssl):
    found = mail_server(url)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.com", port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (tls, ssl)


def test_user_and_password_may_hold_any_character():
    found = mail_server("smtp+tls://ops%40example.com:p%2Fw%3A1@mail.example.com")
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("ops@example.com", "p/w:1")


def test_no_server_is_no_server():
    assert mail_server("") == {}


@pytest.mark.parametrize("url", ["mail.example.com", "http://user:hunter22@x", "smtp://", "smtp://u:hunter22@x:99999"])
def test_what_names_no_mail_server_stops_the_start_and_is_not_repeated(url):
    with pytest.raises(ImproperlyConfigured, match="DURAR_EMAIL_URL must name a mail server") as refused:
        mail_server(url)
    assert "hunter22" not in str(refused.value)
