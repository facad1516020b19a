"""What trust analysts find on the review desk the first morning: a campaign that several people doubt, one that the card
network warns of, and one that a brigade shouts at."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bh_sdk.clients import Trust
from bh_sdk.errors import ReportAlreadyOpen
from bh_sdk.wire.trust import EvidenceFact, ReportKind
from deploy.local.demo.doors import Doors
from deploy.local.demo.people import CAMPAIGNS, DONORS, DemoCampaign, Person, demo_id

SIDE_BY_SIDE = 6
_ROOF, _BOOKS, _COATS = CAMPAIGNS[1], CAMPAIGNS[3], CAMPAIGNS[4]
# Accounts that nobody has ever seen give or write.
BRIGADE = tuple(Person(f"Stranger {number}") for number in range(1, 9))


class Words(NamedTuple):
    """One report, as its reporter writes it."""

    reporter: Person
    about: DemoCampaign
    kind: ReportKind
    text: str


REPORTS = (
    Words(DONORS[0], _COATS, "misleading", "The photographs belong to another appeal of two years ago."),
    Words(DONORS[1], _COATS, "fraud", "Nobody in Leeds has heard of this, and the organiser does not answer."),
    Words(DONORS[4], _COATS, "fraud", "The parish named here says that it never asked for coats."),
    Words(DONORS[2], _BOOKS, "misleading", "The update of last month shows the books of another school."),
    *(Words(each, _ROOF, "fraud", "This is a scam, close it at once, everybody says so.") for each in BRIGADE),
)


def lay_out(doors: Doors, say: Callable[[str], None]) -> None:
    """File the reports, and tell of the warning. Running it again adds nothing twice."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(lambda words: _report(doors, words), REPORTS))
    doors.trust.evidence([_warning(_BOOKS)])
    about = len({words.about.id for words in REPORTS})
    say(f"{len(REPORTS)} trust reports about {about} campaigns, {len(BRIGADE)} of them by a brigade; 1 fraud warning")


def _report(doors: Doors, words: Words) -> None:
    client = Trust(doors.stack.ports.url("trust"), auth=doors.as_user(words.reporter.id), timeout=30)
    try:
        client.report(entity_type="campaign", entity_id=words.about.id, kind=words.kind, description=words.text)
    except ReportAlreadyOpen:
        # This stack was seeded before.
        return


def _warning(campaign: DemoCampaign) -> EvidenceFact:
    """An early fraud warning of a card network, about a gift from before this platform's payments."""
    name = f"warning/{campaign.title}"
    return EvidenceFact.model_validate(
        {
            "id": demo_id(f"fact/{name}"),
            "type": "payment.disputed",
            "time": datetime.now(UTC) - timedelta(hours=5),
            "subject": {"kind": "campaign", "id": campaign.id},
            "data": {"payment_id": str(demo_id(name)), "stage": "early_warning"},
        }
    )
