"""Posts that a server refuses for a reason that can be mended: what is changed, once, before the next attempt.

A vanished thread is `sending`'s own; here are posts that are too long for the server, props that are too large, a
thread named by one of its replies, and a file that the server does not take.
"""

from __future__ import annotations

from django.db import transaction

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import ButtonSet, Delivery
from mattermost_bridge.models.deliveries import new_mark
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.rules.chunking import split_text
from mattermost_bridge.services import files_out
from mattermost_bridge.services.keeping import holder

#: Mattermost's names for these, 5.37 and 11.
_TOO_LONG = ("model.post.is_valid.msg.app_error", "model.post.is_valid.message_length.app_error")
_PROPS = ("model.post.is_valid.props.app_error", "api.context.request_body_too_large.app_error")


def was_never_made(error: MattermostError) -> bool:
    """Whether the server refuses this very text: then no earlier attempt can have made the post either."""
    return error.error_id in _TOO_LONG


def mend(delivery: Delivery, error: MattermostError, account: AccountSettings, client: MattermostClient) -> str:
    """Change a claimed delivery so that the server may take it; a sentence on what was changed, "" when nothing was.

    It is done once for a delivery. Asks the server where it has to: call it outside of transactions.
    """
    if delivery.mended or not error.permanent:
        return ""
    said = ""
    if str(error).startswith(files_out.FAILED):
        refused = next((file for file in delivery.files if not file["file_id"]), None)
        said = _without_file(delivery, account, refused) if refused is not None else ""
        if said and refused is not None and _keep(delivery, said):
            files_out.remove([refused])  # not before: whoever comes after a kill still needs it
            return said
        return ""
    elif error.error_id in _TOO_LONG:
        return _split(delivery, _longest(client, len(delivery.text)))
    elif error.error_id in _PROPS and delivery.props and delivery.text.strip():
        delivery.props = {}
        said = "The server refused the attachments as too large; the post goes without them."
    elif delivery.root_id and "root_id" in error.error_id:
        said = _use_real_root(delivery, client)
    return said if said and _keep(delivery, said) else ""


def _keep(delivery: Delivery, said: str) -> bool:
    """Write what was changed, as long as the claim is ours; False when somebody else has the delivery by now."""
    delivery.mended = said[:200]
    rows = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, claimed_by=holder())
    return bool(
        rows.update(
            text=delivery.text,
            props=delivery.props,
            files=delivery.files,
            root_id=delivery.root_id,
            parts=delivery.parts,
            text_key=delivery.text_key,
            mended=delivery.mended,
        )
    )


def _without_file(delivery: Delivery, account: AccountSettings, refused: files_out.Outgoing) -> str:
    """A file that came from an address is named by it instead, unless the account insists on sizes."""
    if not refused["url"] or account.media_max_mb is not None:
        return ""
    delivery.files = [file for file in delivery.files if file is not refused]
    delivery.text = f"{delivery.text}\n{refused['url']}".lstrip("\n")
    return f"The server did not take the file {refused['name']}; its address stands in the post instead."


def _longest(client: MattermostClient, length: int) -> int:
    """What the server takes, as far as it says; else half of what it refused."""
    try:
        said = int(client.client_config().get("MaxPostSize", ""))
    except (MattermostError, ValueError):
        said = 0
    return said if 0 < said < length else max(1, length // 2)


def _split(delivery: Delivery, longest: int) -> str:
    """Keep what fits, and let the rest follow: before the later parts of the same text, which move on by as many.

    What another text has in the same lane meanwhile goes out before the last of them.
    """
    texts = split_text(delivery.text, longest)
    if len(texts) < 2:
        return ""
    with transaction.atomic():
        later = _later_parts(delivery)
        # What stands under a text, as buttons, stands under the last part of it.
        under, delivery.props = delivery.props, {}
        contents = [(text, {}, []) for text in texts[1:-1]] + [(texts[-1], under, [])]
        contents += [(row.text, row.props, row.files) for row in later]
        whose = [delivery.pk] * (len(texts) - 1) + [row.pk for row in later]
        delivery.text = texts[0]
        delivery.parts += len(texts) - 1
        delivery.text_key = delivery.text_key or new_mark()
        added = [
            Delivery(
                account_id=delivery.account_id,
                turn_id=delivery.turn_id,
                round=delivery.round,
                call=delivery.call,
                kind=delivery.kind,
                channel_id=delivery.channel_id,
                direct_channel_id=delivery.direct_channel_id,
                root_id=delivery.root_id,
                recipient_id=delivery.recipient_id,
                since_ms=delivery.since_ms,
                text_key=delivery.text_key,
            )
            for _ in texts[1:]
        ]
        rows = [*later, *added]
        for number, (row, content) in enumerate(zip(rows, contents, strict=True), start=1):
            row.text, row.props, row.files = content
            row.part, row.parts = delivery.part + number, delivery.parts
        Delivery.objects.bulk_update(later, ["text", "props", "files", "part", "parts"])
        Delivery.objects.bulk_create(added)
        carried_by = dict(zip(whose, rows, strict=True))
        for offered in ButtonSet.objects.filter(delivery__in=carried_by).select_related("delivery"):
            if offered.delivery is not None:
                offered.delivery = carried_by[offered.delivery.pk]
                offered.save(update_fields=["delivery"])
        said = f"The server takes {longest} characters in a post, so this one was split into {len(texts)}."
        # With the rest, or not at all: a text that is whole must not be followed by its own parts.
        if not _keep(delivery, said):
            transaction.set_rollback(True)
            return ""
        live.changed(delivery.account_id, "delivery")
    return said


def _later_parts(delivery: Delivery) -> list[Delivery]:
    """The later parts of the same text: they stand behind it in its lane, and nobody has tried them."""
    if not delivery.text_key:
        return []
    rows = Delivery.objects.select_for_update().filter(text_key=delivery.text_key, part__gt=delivery.part)
    return list(rows.filter(state=DeliveryState.QUEUED, attempts=0).order_by("part"))


def _use_real_root(delivery: Delivery, client: MattermostClient) -> str:
    """A thread may have been named by one of its replies; Mattermost wants its first post."""
    try:
        named = client.post(delivery.root_id)
    except MattermostError:
        return ""  # it is gone, or cannot be asked for: whoever called decides
    if not named.root_id or named.delete_at or named.channel_id != delivery.channel_id:
        return ""
    delivery.root_id = named.root_id
    return "The thread was named by one of its replies; the post goes into that thread."
