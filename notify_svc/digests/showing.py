"""What a digest says: its items, as they stand in the mail. The words are those of the feed; none of them are stored twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery.news import News, those
from notify_svc.digests import rules
from notify_svc.digests.models import Item, Window
from notify_svc.digests.rules import Told
from notify_svc.wording import queries as wording
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.queries import Wordings
from notify_svc.wording.rendering import Rendered, render


def shown(window_id: UUID) -> dict[str, Any]:
    """The variables of one digest: `groups`, `more`. The same whenever it is asked for, so that every try says the same."""
    window = Window.objects.filter(id=window_id).first()
    if window is None:
        # Its reader was erased meanwhile.
        return rules.arranged([])
    items = list(window.items.filter(left_out="").order_by("gathered_at", "id"))
    found = those([item.notification_id for item in items])
    locale = audience.locale(window.user_id)
    told = [_told(found[item.notification_id], item, locale) for item in items if item.notification_id in found]
    return rules.arranged(one for one in told if one is not None)


def _told(news: News, item: Item, locale: str) -> Told | None:
    group = str(news.data.get("campaign_title", ""))
    if news.title:
        return Told(group, news.title, news.body, news.action_url)
    # Its reader wants none of it in the app, so that it has no entry there.
    try:
        words = _words(news, item, locale)
    except TemplateInvalid as error:
        log().error("item_not_written", notification_id=str(news.id), exc_info=error)
        return None
    return Told(group, words.title or words.subject, words.body, words.action_url)


def _words(news: News, item: Item, locale: str) -> Rendered:
    entry = Wordings(news.type).pick("in_app", locale)
    return render((entry or wording.version(item.version_id)).source, news.data)
