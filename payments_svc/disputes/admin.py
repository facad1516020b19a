"""Disputes as the desk works them: what the bank asks, until when, what speaks for the gift, and what is sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path

from bh_sdk.errors import BHError
from bh_sdk.server.admin import CasePage, Dialog, Figure, Guarded, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.disputes import answers, rules
from payments_svc.disputes.desk import STATUS, TONES, URGENCY, case_of, deadline, drafted
from payments_svc.disputes.models import Dispute, EvidenceFile, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet


class LastLook(Dialog):
    """What the bank will read, once more before it goes."""

    facts_template = "disputes/last_look.html"

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        case = Dispute.objects.filter(pk=object_id).first() if object_id else None
        return {} if case is None else {"case": case, "evidence": drafted(case)}


@admin.register(Dispute)
class DisputeAdmin(CasePage):
    thing, desk, desk_order, icon, order = "dispute", "Money", 10, "gavel", 50

    list_display = ("amount_shown", "status_label", "answer_until", "reason_shown", "campaign_title", "created_at")
    list_filter: ClassVar = ["status", "currency", "reason"]
    list_select_related: ClassVar = ["payment__campaign"]
    search_fields: ClassVar = ["=stripe_id", "=payment__intent_id", "=payment__charge_id"]
    search_help_text = "Stripe's dispute, intent or charge"
    actions_detail: ClassVar = ["submit_evidence", "accept_loss"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        rows: QuerySet[Dispute] = super().get_queryset(request)
        return rows.prefetch_related("files", "movements")

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Dispute) -> str:
        return str(row.money)

    @display(description="Status", ordering="status", label=TONES)
    def status_label(self, row: Dispute) -> str:
        return STATUS[row.status][0]

    @display(description="Answer until", ordering="evidence_due_at", label=URGENCY)
    def answer_until(self, row: Dispute) -> str | None:
        return deadline(row, at=clock.now())[0] or None

    @display(description="The bank's reason", ordering="reason")
    def reason_shown(self, row: Dispute) -> str:
        return (row.reason or "").replace("_", " ")

    @display(description="Campaign", ordering="payment__campaign__title")
    def campaign_title(self, row: Dispute) -> str:
        return row.payment.campaign.title

    def found_as(self, obj: Any) -> str:
        return f"Dispute of {obj.money}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Dispute.objects.filter(status__in=rules.WAITING, submissions=0, wanted__isnull=True)
        soonest = waiting.exclude(evidence_due_at=None).order_by("evidence_due_at").first()
        words, tone = deadline(soonest, at=clock.now()) if soonest else ("", "")
        yield Figure(
            "Disputes to answer",
            str(waiting.count()),
            note=f"the first: {words}" if words else "",
            href=self.address() + "?o=3",
            pressing=tone in ("warning", "danger"),
        )

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return case_of(obj, may_prepare=self.may(request, "prepare"), at=clock.now())

    # -- decisions ---------------------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do any more; the commands refuse it anyway."""
        obj = self.get_object(request, str(object_id))
        waits = obj is not None and obj.status in rules.WAITING and not obj.submissions and obj.wanted is None
        return super().get_actions_detail(request, object_id) if waits else []

    @action(
        title="Send to the bank",
        verb="answer",
        question="Banks take evidence once. What is saved now goes out, and cannot be changed or added to afterwards.",
        form=LastLook,
        submit="Send it, once",
        icon="send",
        look="primary",
    )
    def submit_evidence(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(answers.submit, dispute_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="The evidence is on its way to the bank")

    @action(
        title="Accept the loss",
        verb="accept",
        question="The bank keeps the money and the campaign is owed that much less. There is no way back from here. "
        "Choose this when the donor is right, or when there is nothing to show.",
        submit="Give the case up",
        icon="flag",
        look="danger",
    )
    def accept_loss(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(answers.accept, dispute_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="The case is being given up")

    # -- preparing ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        def door(view: Callable[..., HttpResponse]) -> Any:
            return self.admin_site.admin_view(view)

        prefix = "<uuid:dispute_id>/evidence/"
        own = [
            path(f"{prefix}draft/", door(self.keep_draft), name="payments_disputes_draft"),
            path(f"{prefix}files/", door(self.attach), name="payments_disputes_attach"),
            path(f"{prefix}files/<uuid:file_id>/", door(self.open_file), name="payments_disputes_file"),
            path(f"{prefix}files/<uuid:file_id>/remove/", door(self.take_back), name="payments_disputes_take_back"),
        ]
        return [*own, *super().get_urls()]

    def keep_draft(self, request: HttpRequest, dispute_id: UUID) -> HttpResponse:
        texts = {name: request.POST[name] for name in rules.TEXTS if name in request.POST}
        command = partial(answers.save_draft, dispute_id=dispute_id, texts=texts, by=UUID(self.actor(request)))
        return self._prepare(request, dispute_id, command, done="Draft saved; nothing has been sent")

    def attach(self, request: HttpRequest, dispute_id: UUID) -> HttpResponse:
        file = request.FILES.get("file")
        if request.method == "POST" and file is None:
            self.message_user(request, "Choose a file first", messages.ERROR)
            return redirect("admin:payments_disputes_dispute_change", dispute_id)
        command = partial(
            answers.add_file,
            dispute_id=dispute_id,
            kind=request.POST.get("kind", ""),
            name=str(file.name) if file else "",
            # One byte more than is taken says as much as the whole file.
            content=file.read(rules.LARGEST_FILE + 1) if file else b"",
            by=UUID(self.actor(request)),
        )
        return self._prepare(request, dispute_id, command, done="File attached; nothing has been sent")

    def take_back(self, request: HttpRequest, dispute_id: UUID, file_id: UUID) -> HttpResponse:
        command = partial(answers.remove_file, dispute_id=dispute_id, file_id=file_id)
        return self._prepare(request, dispute_id, command, done="File removed")

    def open_file(self, request: HttpRequest, dispute_id: UUID, file_id: UUID) -> HttpResponse:
        """The file as it was attached, to save. It holds personal data, so who opened it is logged."""
        if not self.may(request, "prepare"):
            raise PermissionDenied
        file = EvidenceFile.objects.filter(id=file_id, dispute_id=dispute_id).select_related("dispute").first()
        if file is None:
            raise Http404
        self.log_change(request, file.dispute, f"Opened the file: {file.kind}")
        answer = HttpResponse(answers.read_file(file), content_type=file.content_type)
        suffix = file.content_type.rsplit("/", 1)[1]
        answer["Content-Disposition"] = f'attachment; filename="{file.kind}.{suffix}"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    def _prepare(
        self, request: HttpRequest, dispute_id: UUID, command: Callable[[], object], *, done: str
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.may(request, "prepare"):
            raise PermissionDenied
        found = self.get_object(request, str(dispute_id))
        if found is None:
            raise Http404
        try:
            command()
        except BHError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            self.log_change(request, found, done)
            self.message_user(request, done, messages.SUCCESS)
        return redirect(self.address(found))


@admin.register(Warned)
class WarnedAdmin(Guarded):
    thing, desk, desk_order, icon, order = "early_warning", "Money", 10, "release_alert", 55

    list_display = ("payment", "fraud", "stripe_id", "created_at")
    list_filter: ClassVar = ["fraud_type"]
    list_select_related: ClassVar = ["payment"]
    search_fields: ClassVar = ["=stripe_id", "=payment__intent_id"]
    fields: ClassVar = ["payment", "fraud", "stripe_id", "created_at"]
    readonly_fields = fields

    @display(description="What the network says", ordering="fraud_type")
    def fraud(self, row: Warned) -> str:
        return row.fraud_type.replace("_", " ")
