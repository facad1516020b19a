"""The page of one dispute: what the bank asks, how long there is, what moved, and what is ready to be sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from bh_sdk.money import Money
from bh_sdk.server.admin import parts
from bh_sdk.server.admin.actions import CLASSES
from payments_svc.disputes import answers, rules
from payments_svc.disputes.models import Dispute

STATUS: dict[str, tuple[str, parts.Tone]] = {
    "inquiry": ("The bank asks", "info"),
    "open": ("To answer", "danger"),
    "answered": ("With the bank", "warning"),
    "won": ("Won", "success"),
    "lost": ("Lost", ""),
    "closed": ("Closed, nothing taken", ""),
}
TONES: dict[str, str] = {text: tone for text, tone in STATUS.values() if tone}
# The colours of `deadline`'s words in a list, where only the words are known.
URGENCY: dict[str, str] = {
    "Deadline passed": "danger",
    **{f"{hours} hours left": "danger" if hours < 24 else "warning" for hours in range(48)},
    **{f"{days} days left": "warning" if days < rules.PRESSING.days else "info" for days in range(2, 60)},
}
_PAGE = "admin:payments_disputes_"


def deadline(case: Dispute, *, at: datetime) -> tuple[str, parts.Tone]:
    """How long there is to answer, in words and colour; nothing for a case that takes no answer any more."""
    if case.status not in rules.WAITING or case.submissions or case.evidence_due_at is None:
        return "", ""
    left = case.evidence_due_at - at
    days = rules.days_left(case.evidence_due_at, at=at)
    if days < 0:
        return "Deadline passed", "danger"
    words = f"{days} days left" if days > 1 else f"{int(left.total_seconds() // 3600)} hours left"
    return words, "danger" if days < 1 else "warning" if left < rules.PRESSING else "info"


def drafted(case: Dispute) -> list[tuple[str, str]]:
    """What is ready to be sent: the field's label, and its text or file."""
    written = answers.draft_of(case)
    texts = [(field.label, written[name]) for name, field in rules.TEXTS.items() if name in written]
    return texts + [(rules.FILES[file.kind].label, f"File: {file.name.open()}") for file in case.files.all()]


class Draft(forms.Form):
    """Stripe's text fields; those that matter most for the bank's reason stand first."""

    def __init__(self, case: Dispute) -> None:
        super().__init__(initial=answers.draft_of(case))
        wanted = rules.advice(case.reason)[1]
        for name in sorted(rules.TEXTS, key=lambda each: (each not in wanted, list(rules.TEXTS).index(each))):
            field = rules.TEXTS[name]
            rows = 5 if name == "uncategorized_text" else 2
            widget = forms.Textarea({"rows": rows, "maxlength": rules.LONGEST_TEXT, "class": _classes(forms.Textarea)})
            made = forms.CharField(label=field.label, help_text=field.hint, required=False, widget=widget)
            self.fields[name] = made

    def parted(self, case: Dispute) -> tuple[list[Any], list[Any]]:
        """The fields that this case needs or has, and the rest."""
        wanted = {*rules.advice(case.reason)[1], *self.initial}
        fields = list(self)
        return [f for f in fields if f.name in wanted], [f for f in fields if f.name not in wanted]


def _classes(kind: type[forms.Widget]) -> str:
    return " ".join(next(names for known, names in CLASSES if issubclass(kind, known)))


def case_of(case: Dispute, *, may_prepare: bool, at: datetime) -> parts.Case:
    text, tone = STATUS[case.status]
    words, _ = deadline(case, at=at)
    return parts.Case(
        headline=parts.Headline(
            title=f"Dispute of a gift to {case.payment.campaign.title}",
            figure=case.money.decimal,
            unit=case.currency,
            below=f"The bank says: {(case.reason or 'nothing').replace('_', ' ')}",
            status=text,
            tone=tone,
            steps=_steps(case, words),
            notice=_notice(case, at=at),
        ),
        wide=[
            *_evidence(case, may_prepare=may_prepare, at=at),
            parts.MoneyTable("What moved at Stripe", _moved(case), empty="No money has moved."),
            parts.Timeline("What happened", _moments(case, at=at)),
        ],
        narrow=[_time(case, at=at), _where(case)],
    )


def _steps(case: Dispute, words: str) -> list[parts.Step]:
    closed = not rules.DISPUTE_MOVES[case.status]
    answered = bool(case.submissions)
    done: parts.Step = parts.Step(
        {"won": "Won", "lost": "Lost"}.get(case.status, "Closed"), "failed" if case.status == "lost" else "done"
    )
    return [
        parts.Step("The bank asked", "done"),
        parts.Step("Evidence", "done" if answered else "todo" if closed else "now", note=words),
        parts.Step("The bank decides", "done" if closed else "now" if answered else "todo"),
        done if closed else parts.Step("Closed"),
    ]  # fmt: skip


def _notice(case: Dispute, *, at: datetime) -> str:
    if case.wanted is not None:
        doing = "The evidence is on its way to the bank." if case.wanted == "submit" else "The case is being given up."
        return f"{doing} Stripe has not confirmed it yet; we ask again by ourselves." + (
            f" The last try said: {case.last_error}" if case.last_error else ""
        )
    if case.last_error and case.status in rules.WAITING:
        return f"{case.last_error} Mend it and send it again, or give the case up."
    if case.status == "inquiry" and not case.submissions:
        return "No money has moved. Giving the gift back now ends the inquiry and saves the fee of a dispute."
    if case.status in rules.WAITING and case.evidence_due_at is not None and case.evidence_due_at <= at:
        return "The deadline has passed. The bank decides without us; nothing has to be done any more."
    return ""


def _evidence(case: Dispute, *, may_prepare: bool, at: datetime) -> list[parts.Card]:
    waits = case.status in rules.WAITING and not case.submissions and case.wanted is None
    late = case.evidence_due_at is not None and case.evidence_due_at <= at
    if not (may_prepare and waits and not late):
        sent = [parts.Words(label, text) for label, text in drafted(case)] if may_prepare else []
        return [*sent]
    form = Draft(case)
    first, more = form.parted(case)
    wanted = rules.advice(case.reason)[1]
    data: dict[str, object] = {
        "advice": rules.advice(case.reason)[0],
        "wanted": wanted,
        "first": first,
        "more": more,
        "files": [_file(case, file) for file in case.files.all()],
        "kinds": sorted(
            ((name, field.label, name in wanted) for name, field in rules.FILES.items()), key=lambda each: not each[2]
        ),
        "draft_url": reverse(f"{_PAGE}draft", args=(case.pk,)),
        "attach_url": reverse(f"{_PAGE}attach", args=(case.pk,)),
        "written": case.evidence_at,
    }
    return [parts.Custom("What speaks for the gift", "disputes/evidence.html", data)]


def _file(case: Dispute, file: Any) -> dict[str, object]:
    return {
        "label": rules.FILES[file.kind].label,
        "name": file.name.open(),
        "kilobytes": max(1, file.size // 1024),
        "open_url": reverse(f"{_PAGE}file", args=(case.pk, file.pk)),
        "remove_url": reverse(f"{_PAGE}take_back", args=(case.pk, file.pk)),
    }


def _moved(case: Dispute) -> list[parts.Line]:
    lines = []
    for move in case.movements.all():
        what = "Taken by the bank" if move.amount < 0 else "Given back"
        if move.amount:
            lines.append(parts.Line(what, str(Money(move.amount, case.currency)), move.stripe_id))
        if move.fee:
            lines.append(
                parts.Line("Fee of the case, borne by us", str(Money(-move.fee, case.currency)), move.stripe_id)
            )
    return lines


def _moments(case: Dispute, *, at: datetime) -> list[parts.Moment]:
    told = (
        ("The donor's bank asked", case.opened_at),
        ("We heard of it", case.created_at),
        ("Evidence went to the bank", case.answered_at),
        (STATUS[case.status][0], case.closed_at),
    )
    moments = [parts.Moment(what, when) for what, when in told if when is not None]
    log = LogEntry.objects.filter(content_type__app_label="payments_disputes", object_id=str(case.pk))
    moments += [
        parts.Moment(entry.get_change_message(), entry.action_time, who=entry.user.get_username())
        for entry in log.select_related("user").order_by("-action_time")[:50]
    ]
    moments.sort(key=lambda moment: moment.when, reverse=True)
    if deadline(case, at=at)[0] and case.evidence_due_at is not None:
        late = case.evidence_due_at <= at
        moments.insert(0, parts.Moment("The bank takes evidence until", case.evidence_due_at, due=True, late=late))
    return moments


def _time(case: Dispute, *, at: datetime) -> parts.Facts:
    until = f"{case.evidence_due_at:%d %b %Y, %H:%M} UTC" if case.evidence_due_at else "no deadline"
    words, _ = deadline(case, at=at)
    return parts.Facts(
        "Deadline",
        [
            parts.Fact("Answer until", until, note=words, strong=bool(words)),
            parts.Fact("Answered", {0: "not yet", 1: "once"}.get(case.submissions, f"{case.submissions} times")),
            parts.Fact("What the case cost us", str(Money(case.fee, case.currency)) if case.fee else "nothing so far"),
        ],
    )


def _where(case: Dispute) -> parts.Facts:
    payment = reverse("admin:payments_donations_payment_change", args=(case.payment_id,))
    return parts.Facts(
        "Where it belongs",
        [
            parts.Fact("Payment", str(case.payment), href=payment, note=f"charged {case.payment.charged_money}"),
            parts.Fact("Campaign", case.payment.campaign.title),
            parts.Fact("Stripe's state", case.stripe_status.replace("_", " ")),
            parts.Fact("Dispute at Stripe", case.stripe_id, mono=True),
            parts.Fact("Charge", case.payment.charge_id or "", mono=True),
        ],
    )
