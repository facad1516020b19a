"""Whom one message can be told to together, page by page in the order of ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from notify_svc.audience import queries as audience
from notify_svc.audience.queries import Reach
from notify_svc.audience.rules import DEFAULT_LOCALE
from notify_svc.preferences import queries as preferences


@dataclass(frozen=True, slots=True)
class Audience:
    """Donors or followers of a campaign, everybody who said yes to being written to, or the people of a list; of these,
    those who read one of the languages, if any is named. Of whom we know no language, we suppose the house's own."""

    kind: str
    campaign_id: UUID | None = None
    list_id: UUID | None = None
    languages: tuple[str, ...] = ()

    def page(self, *, after: UUID | None, limit: int) -> tuple[list[UUID], UUID | None]:
        """The people of the next page, and where the one after it begins; None when it is the last."""
        people, follow = self._candidates(after, limit)
        if not self.languages or not people:
            return people, follow
        return [one for one, locale in _locales(people).items() if language(locale) in self.languages], follow

    def pages(self, limit: int) -> Iterator[list[UUID]]:
        """All of it."""
        after: UUID | None = None
        while True:
            people, after = self.page(after=after, limit=limit)
            yield people
            if after is None:
                return

    def count(self) -> int:
        """How many there are, without a look at their languages; of followers, give or take those who both gave and asked."""
        if self.kind == "consented":
            return preferences.count_consenting()
        if self.kind == "listed":
            return audience.count_listed(_known(self.list_id))
        count = preferences.count_followers if self.kind == "followers" else audience.count_supporters
        return count(_known(self.campaign_id))

    def _candidates(self, after: UUID | None, limit: int) -> tuple[list[UUID], UUID | None]:
        if self.kind == "followers":
            return preferences.page_of_followers(_known(self.campaign_id), after=after, limit=limit)
        if self.kind == "consented":
            people = preferences.page_of_consenting(after=after, limit=limit)
        elif self.kind == "listed":
            people = audience.page_of_listed(_known(self.list_id), after=after, limit=limit)
        else:
            people = audience.page_of_supporters(_known(self.campaign_id), after=after, limit=limit)
        return people, people[-1] if len(people) == limit else None


def language(locale: str) -> str:
    """The language of a locale: `fr` of `fr-CA`."""
    return locale.split("-", maxsplit=1)[0]


def _locales(people: Collection[UUID]) -> Mapping[UUID, str]:
    known: Mapping[UUID, Reach] = audience.reach(people)
    return {one: known[one].locale if one in known else DEFAULT_LOCALE for one in people}


def _known(id: UUID | None) -> UUID:
    if id is None:
        raise ValueError("this audience needs to say of what")
    return id
