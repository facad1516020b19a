"""What trust analysts find on their desks the first morning: a campaign that several people doubt, one that the card network
warns of, one that a brigade shouts at; people who want to be verified; an appeal."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from bh_sdk.clients import Trust
from bh_sdk.errors import AppealOpen, ReportAlreadyOpen, VerificationOpen
from bh_sdk.events import VerificationItem
from bh_sdk.testing import papers
from bh_sdk.wire.trust import EvidenceFact, ReportKind
from deploy.local.demo.doors import Doors
from deploy.local.demo.people import CAMPAIGNS, DONORS, OWNERS, DemoCampaign, Person, demo_id
from trust_svc.insights.management import past

SIDE_BY_SIDE = 6
_ROOF, _BOOKS, _COATS = CAMPAIGNS[1], CAMPAIGNS[3], CAMPAIGNS[4]
# Accounts that nobody has ever seen give or write.
BRIGADE = tuple(Person(f"Stranger {number}") for number in range(1, 9))

# Who asks that what of them be verified, and how many papers they show.
REQUESTS: tuple[tuple[Person, VerificationItem, int], ...] = (
    (OWNERS[1], "bank", 2),
    (OWNERS[3], "identity", 1),
    (OWNERS[4], "phone", 0),
)
# The campaign of the months before whose organiser does not agree with what was decided, and what they say.
APPEALING = 8
STATEMENT = (
    "The pictures are ours: the parish can confirm it, and the photographer's bill is attached to our last update."
)


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
    for owner, item, pages in REQUESTS:
        _ask_to_be_verified(doors, owner, item, pages)
    _appeal(doors)
    about = len({words.about.id for words in REPORTS})
    say(f"{len(REPORTS)} trust reports about {about} campaigns, {len(BRIGADE)} of them by a brigade; 1 fraud warning")
    say(f"{len(REQUESTS)} requests to be verified, 1 appeal")


def _as(doors: Doors, person: UUID) -> Trust:
    return Trust(doors.stack.ports.url("trust"), auth=doors.as_user(person), timeout=30)


def _report(doors: Doors, words: Words) -> None:
    client = _as(doors, words.reporter.id)
    try:
        client.report(entity_type="campaign", entity_id=words.about.id, kind=words.kind, description=words.text)
    except ReportAlreadyOpen:
        # This stack was seeded before.
        return


def _ask_to_be_verified(doors: Doors, person: Person, item: VerificationItem, pages: int) -> None:
    shown = [papers.pdf(f"Page {page} of a paper made up for the demo") for page in range(1, pages + 1)]
    try:
        _as(doors, person.id).request_verification(item, documents=shown)
    except VerificationOpen:
        return


def _appeal(doors: Doors) -> None:
    """Against a case of the months before, which was confirmed."""
    campaign = next(each for each in past.campaigns(datetime.now(UTC)) if each.number == APPEALING)
    try:
        _as(doors, campaign.owner).file_appeal(
            against="case", entity_type="campaign", entity_id=campaign.id, statement=STATEMENT
        )
    except AppealOpen:
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
