"""Filters that answer an operator's questions, rather than listing every column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.services import rights


class QuestionFilter(SimpleListFilter):
    """A filter whose choices are questions, each with the condition that answers it.

    With `default`, that choice holds while nothing is chosen, and "All" is a choice of its own.
    """

    default = ""
    ALL = "all"
    #: Its choices stand above the list too, one click away.
    quick = False

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Each choice's value in the address, with its words and its condition."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices as Django wants them."""
        return [(value, words) for value, (words, _condition) in self.questions().items()]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The choices as they are shown; with a default, it comes first and is marked when nothing is chosen."""
        if not self.default:
            yield from super().choices(changelist)
            return
        chosen = self.value() or self.default
        for value, words in (*self.lookup_choices, (self.ALL, _("All"))):
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": chosen == str(value), "query_string": query, "display": words}

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The rows that answer the question."""
        chosen = self.value() or self.default
        if not chosen or chosen == self.ALL:
            return queryset
        question = self.questions().get(chosen)
        return queryset.filter(question[1]) if question else queryset.none()


class AccountFilter(SimpleListFilter):
    """By account. Names only: loading whole accounts would decrypt every token."""

    title = _("account")
    parameter_name = "account"
    path = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every account that the person may see by its id, put-away ones too: their history stays readable."""
        rows = rights.accounts_visible_to(request.user).order_by("account_id").values_list("pk", "account_id")
        return [(str(pk), account_id) for pk, account_id in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The rows of one account."""
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**{self.path: int(value)}) if value.isdecimal() else queryset.none()


class AccountOfConversationFilter(AccountFilter):
    """By account, for records that belong to a conversation."""

    path = "conversation__account"


class SinceFilter(SimpleListFilter):
    """By age. `column` is the time that counts."""

    title = _("since")
    parameter_name = "since"
    column = "created_at"
    SPANS = (("1h", timedelta(hours=1)), ("24h", timedelta(days=1)), ("7d", timedelta(days=7)))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The spans that operators ask for."""
        return [("1h", _("The last hour")), ("24h", _("The last 24 hours")), ("7d", _("The last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The rows that are young enough."""
        span = dict(self.SPANS).get(self.value() or "")
        return queryset.filter(**{f"{self.column}__gte": timezone.now() - span}) if span else queryset


def since(column_name: str) -> type[SinceFilter]:
    """A `SinceFilter` on another column."""
    return type("SinceFilter", (SinceFilter,), {"column": column_name})
