"""Named sets of people that lists of several accounts share."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.listed import ListedPerson

#: Stands before a group's name in the value of an access entry.
PREFIX = "accessGroup:"


class AccessGroup(models.Model):
    """A named set of people. An access entry `accessGroup:<name>` puts all of them on its list."""

    name = models.CharField(
        _("name"),
        max_length=64,
        validators=[
            RegexValidator(
                r"^[^\W_]([\w .-]*\w)?\Z",
                _("Letters, digits, spaces, dots, - and _, beginning and ending with a letter or digit."),
            )
        ],
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("access group")
        verbose_name_plural = _("access groups")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="a_group_s_name_is_its_own_in_any_case",
                violation_error_message=_("There is a group of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def entry_value(self) -> str:
        """The value of an access entry that means this group."""
        return f"{PREFIX}{self.name}"


class AccessGroupMember(ListedPerson):
    """Somebody in an access group."""

    group = models.ForeignKey(AccessGroup, verbose_name=_("group"), on_delete=models.CASCADE, related_name="members")
    # As long as an access entry: a configuration file may name somebody in a form that matches nobody, and keeps it.
    user_id = models.CharField(_("who"), max_length=120)

    class Meta:
        verbose_name = _("member of an access group")
        verbose_name_plural = _("members of access groups")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["group", "user_id"], name="a_person_is_in_a_group_once")]

    def __str__(self) -> str:
        return (self.username and f"@{self.username}") or self.user_id
