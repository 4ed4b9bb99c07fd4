"""A text column that is encrypted at rest, and one by which such a row is found."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

PREFIX = "v1:"


class WrongKeyError(Exception):
    """A stored secret cannot be read with any key of DURAR_ENCRYPTION_KEYS."""

    def __init__(self, what: str = "A stored secret") -> None:
        super().__init__(
            f"{what} cannot be read with the keys in DURAR_ENCRYPTION_KEYS. "
            "Put the key it was saved with back into the list (first place: the key for new secrets)."
        )


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "A key in DURAR_ENCRYPTION_KEYS is no Fernet key: 32 bytes in URL-safe base64, 44 characters. Make one "
            "with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from error


def encrypt(text: str) -> str:
    """`text` as it is stored: a version prefix and a Fernet token made with the first key. "" stays ""."""
    if not text:
        return ""
    return PREFIX + _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """The text behind `stored`. Raises WrongKeyError rather than ever handing out ciphertext as a secret."""
    if not stored:
        return ""
    if not stored.startswith(PREFIX):
        raise WrongKeyError("A stored secret has no version prefix and")
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(stored.removeprefix(PREFIX).encode()).decode()
    except InvalidToken as error:
        raise WrongKeyError from error


def is_current(stored: str) -> bool:
    """Whether `stored` was made with the first key, the one for new secrets; "" counts as such."""
    if not stored:
        return True
    try:
        _cipher(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(stored.removeprefix(PREFIX).encode())
    except InvalidToken:
        return False
    return stored.startswith(PREFIX)


class EncryptedTextField(models.TextField):
    """Text that is encrypted in the database and clear on the instance."""

    description = "Encrypted text"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str:
        """Decrypt what the database gave."""
        return decrypt(value or "")

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt what the database gets."""
        return encrypt(str(value)) if value else ""


def digests(secret: str) -> list[str]:
    """Keyed digests of a secret, one for each key, the first key's (which new rows have) first; none of "".

    Who reads the database without a key learns nothing from them, and cannot try secrets out.
    """
    return [_digest(secret, key) for key in settings.ENCRYPTION_KEYS] if secret else []


def _digest(secret: str, key: str) -> str:
    # The key of the digest is not the one that encrypts.
    own_key = hashlib.sha256(b"Durar digest of a secret\0" + key.encode()).digest()
    return hmac.new(own_key, secret.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class SecretDigestField(models.CharField):
    """A keyed digest of the encrypted column `of` beside it, so that a row is found by its secret at once.

    It is made whenever the row is saved with this column; `Durar keys rotate` renews both together.
    """

    description = "Keyed digest of a secret"

    def __init__(self, *args: Any, of: str, **options: Any) -> None:
        self.of = of
        given: dict[str, Any] = {"max_length": 64, "blank": True, "default": "", "editable": False, "db_index": True}
        super().__init__(*args, **given | options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """As Django writes it into a migration."""
        name, path, arguments, options = super().deconstruct()
        return name, path, arguments, options | {"of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: FBT001 - Django's
        """The digest of the secret that is saved."""
        found = next(iter(digests(str(getattr(model_instance, self.of) or ""))), "")
        setattr(model_instance, self.attname, found)
        return found
