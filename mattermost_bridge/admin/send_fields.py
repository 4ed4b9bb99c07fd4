"""What a message may bring along in the panel: files that are uploaded or named, and buttons, one a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminFileFieldWidget

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.rules.buttons import STYLES, safe_id
from mattermost_bridge.services import files_out
from mattermost_bridge.services.files_out import Outgoing


class ManyFilesWidget(UnfoldAdminFileFieldWidget):
    """A file input that takes several."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files; its value is a list."""

    widget = ManyFilesWidget

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Each of them, as Django checks one."""
        chosen = data if isinstance(data, (list, tuple)) else [data] if data else []
        if not chosen and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        return [super(ManyFilesField, self).clean(one, initial) for one in chosen]


class LinesField(forms.CharField):
    """Texts, one a line; its value is a list without empty ones."""

    def clean(self, value: Any) -> list[str]:
        """The lines that say something."""
        return [line.strip() for line in (super().clean(value) or "").splitlines() if line.strip()]


class ButtonsField(forms.CharField):
    """Buttons, one a line as `Text | callback data | style`, or the JSON of `Durar message`; its value is rows of them,
    None for none."""

    def clean(self, value: Any) -> Any:
        """Rows of buttons. What is wrong is said with the line in which it stands."""
        text = (super().clean(value) or "").strip()
        if not text:
            return None
        if text.startswith(("[", "{")):
            try:
                return json.loads(text)
            except (ValueError, RecursionError) as problem:
                raise ValidationError(_("This is no JSON: %(problem)s.") % {"problem": problem}) from None
        return [[_button(line) for line in text.splitlines() if line.strip()]]


def _button(line: str) -> dict[str, str]:
    label, data, style, *more = [*(part.strip() for part in line.split("|")), "", ""]
    if not label or len(more) > 2:
        raise ValidationError(_("“%(line)s” is no button. Write: Text | callback data | style.") % {"line": line})
    if not safe_id(data or label):
        raise ValidationError(
            _("“%(line)s” needs callback data with a letter or digit in it, as: %(label)s | yes.")
            % {"line": line, "label": label}
        )
    if style and style not in STYLES:
        raise ValidationError(
            _("“%(style)s” is no style of a button. There are: %(styles)s.")
            % {"style": style, "styles": ", ".join(STYLES)}
        )
    return {"text": label, "callback_data": data or label, **({"style": style} if style else {})}


def take_files(account: AccountSettings, uploads: Sequence[UploadedFile], named: Sequence[str]) -> list[Outgoing]:
    """What was uploaded, then what was named by address or path. All of it or, raising Refused, nothing."""
    taken = files_out.take_uploads(account, uploads)
    try:
        return taken + files_out.take_all(account, named, any_path=False)
    except BaseException:
        files_out.remove(taken)
        raise
