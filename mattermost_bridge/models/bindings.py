"""Which agent answers whom, and where: the ordered list `bindings`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.states import PeerKind


class Binding(models.Model):
    """One entry of `bindings`. What is set of it has to match; among entries that match equally well the first counts.

    Without an agent it means the account's own, as an exception from a wider entry (`agentId: "main"` in files).
    """

    position = models.PositiveIntegerField(_("place"), default=0, db_index=True, editable=False)
    agent = models.ForeignKey(
        "Agent",
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="bindings",
        help_text=_("Who answers. Without one the account's own agent does."),
    )
    account_id = models.CharField(
        _("account id"),
        max_length=64,
        blank=True,
        help_text=_("An account's id, or * for every account. Empty: the account default."),
    )
    peer_kind = models.CharField(
        _("where"),
        max_length=16,
        blank=True,
        choices=PeerKind.choices,
        help_text=_("Channels and groups are the same here."),
    )
    peer_id = models.CharField(
        _("person or channel"),
        max_length=64,
        blank=True,
        help_text=_("The id of the person (direct messages) or of the channel, or * for each of that kind."),
    )
    team_id = models.CharField(_("team id"), max_length=64, blank=True)
    note = models.CharField(_("why"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("binding")
        verbose_name_plural = _("bindings")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        parts = [
            self.account_id or "default",
            f"{self.peer_kind} {self.peer_id}".strip(),
            f"team {self.team_id}" if self.team_id else "",
        ]
        return " · ".join(part for part in parts if part)
