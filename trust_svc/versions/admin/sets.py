"""Parameter sets: the list, and the buttons on the page of one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from trust_svc.versions import calibrations, commands, dry_runs, queries, trials
from trust_svc.versions.admin import page
from trust_svc.versions.admin.dialogs import Copy, Paste, TryOut, Why
from trust_svc.versions.models import Version

STATES: dict[str, str] = {"Live": "success", "Draft": "info", "Shadow": "warning", "A/B": "primary"}

# The buttons that make sense in a state; the commands refuse the others as well.
_OFFERED: dict[str, frozenset[str]] = {
    "draft": frozenset({"dry_run", "shadow", "retire"}),
    "shadow": frozenset({"dry_run", "try_out", "propose", "retire"}),
    "trial": frozenset({"dry_run", "stop_trial", "propose"}),
    "live": frozenset({"roll_back", "calibrate"}),
    "retired": frozenset(),
}


@admin.register(Version)
class VersionAdmin(CasePage):
    """`parameters` in the policies: `view` to look, a verb for each button."""

    thing, desk, desk_order, icon, order = "parameters", "Trust", 10, "tune", 90

    list_display = ("version", "state_label", "origin_label", "differs", "made", "made_at")
    list_filter: ClassVar = ["parameters__state", "origin"]
    search_fields: ClassVar = ["note", "parameters__digest"]
    search_help_text = "Words of the note, or the beginning of the SHA-256"
    ordering = ("-parameters",)
    actions_list: ClassVar = ["paste"]
    actions_detail: ClassVar = [
        "approve",
        "decline",
        "propose",
        "try_out",
        "stop_trial",
        "shadow",
        "dry_run",
        "cancel_dry_run",
        "roll_back",
        "copy",
        "calibrate",
        "retire",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        found: QuerySet[Version] = super().get_queryset(request).select_related("parameters")
        return found

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = queries.open_proposal()
        if waiting is not None:
            yield Figure(
                "Promotion to decide" if waiting.wants == "promotion" else "Experiment to decide",
                f"Version {waiting.parameters_id}",
                note="by somebody else than who proposed it",
                href=self.address(Version(parameters_id=waiting.parameters_id)),
                pressing=waiting.proposed_by != self.actor(request),
            )

    @display(description="Set", header=True, ordering="parameters")
    def version(self, row: Version) -> list[str]:
        return [f"Version {row.pk}", row.note[:80]]

    @display(description="State", ordering="parameters__state", label=STATES)
    def state_label(self, row: Version) -> str:
        return str(row.parameters.get_state_display())

    @display(description="Comes from", ordering="origin")
    def origin_label(self, row: Version) -> str:
        return page.origin(row)

    @display(description="Differs from live")
    def differs(self, row: Version) -> str:
        found = len(queries.diff(row.pk, queries.in_play().live))
        return f"in {found} numbers" if found else ""

    @display(description="Made by", ordering="made_by")
    def made(self, row: Version) -> str:
        return queries.names([row.made_by]).get(row.made_by, row.made_by[:8])

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what cannot be done with the set as it is; the commands refuse it anyway."""
        obj = self.get_object(request, str(object_id))
        if not isinstance(obj, Version):
            return []
        wanted = {"copy"} | _OFFERED[obj.parameters.state]
        run, proposal = queries.newest_dry_run(obj.pk), queries.open_proposal()
        if run is not None and run.state in ("waiting", "running"):
            wanted = (wanted - {"dry_run"}) | {"cancel_dry_run"}
        if proposal is not None:
            wanted -= {"propose", "try_out"}
            if proposal.parameters_id == obj.pk:
                wanted = (wanted - {"retire"}) | {"decline"}
                wanted |= {"approve"} if proposal.proposed_by != self.actor(request) else set()
        if obj.parameters.state == "live" and queries.before(obj.pk) is None:
            wanted -= {"roll_back"}
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.action_name.removeprefix("trust_versions_version_") in wanted]

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return page.case(obj, viewer=self.actor(request))

    # -- drafts ------------------------------------------------------------------------------------------------------

    @action(
        title="New draft from JSON",
        verb="draft",
        question="A draft counts for nobody. What you leave out keeps the live set's numbers.",
        form=Paste,
        submit="Make the draft",
        icon="add",
        look="primary",
    )
    def paste(self, request: HttpRequest, form: Paste) -> HttpResponse:
        said = form.cleaned_data
        command = partial(commands.draft_from_text, text=said["text"], note=said["note"], by=self.actor(request))
        return self._drafted(request, command)

    @action(
        title="Copy and change",
        verb="draft",
        question="A new draft with this set's numbers, but for those you name. It counts for nobody.",
        form=Copy,
        submit="Make the draft",
        icon="content_copy",
    )
    def copy(self, request: HttpRequest, form: Copy, object_id: str) -> HttpResponse:
        said = form.cleaned_data
        command = partial(
            commands.draft_from_copy,
            version=int(object_id),
            changes=said["changes"],
            note=said["note"],
            by=self.actor(request),
        )
        return self._drafted(request, command)

    def _drafted(self, request: HttpRequest, command: partial[int]) -> HttpResponse:
        """Make a draft and lead to it."""
        made = Version.objects.get(parameters_id=command())
        self.log_addition(request, made, "Drafted")
        self.message_user(request, f"Version {made.pk} is a draft. Run it dry to see whom it moves.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(made)})

    # -- looking before leaping --------------------------------------------------------------------------------------

    @action(
        title="Run dry",
        verb="dry_run",
        question="Everybody is scored by this set and by the live one, as of now, in the background. Nothing is shown and "
        "nothing changes. The report stays with the set.",
        form=Dialog,
        submit="Run it dry",
        icon="science",
        look="primary",
    )
    def dry_run(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(dry_runs.ask, version=int(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Dry run begins; the page says how far it is")

    @action(
        title="Cancel the dry run",
        verb="dry_run",
        question="It stops after the entities it is at. There is no report then.",
        form=Dialog,
        icon="cancel",
    )
    def cancel_dry_run(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(dry_runs.cancel, version=int(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Dry run cancelled")

    @action(
        title="Calibrate",
        verb="calibrate",
        question="Points are fitted to the decided cases in the background, each as it was known before its decision. What "
        "comes out is a draft with its report; it counts for nobody.",
        form=Why,
        submit="Fit to decided cases",
        icon="tune",
    )
    def calibrate(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(calibrations.ask, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="The calibration begins; its draft will be linked here")

    # -- its life ----------------------------------------------------------------------------------------------------

    @action(
        title="Calculate in the shadow",
        verb="shadow",
        question="From now on everybody is scored by this set too. Nobody is shown it; any analyst may put it away again.",
        form=Why,
        submit="Begin the shadow",
        icon="visibility_off",
    )
    def shadow(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(commands.shadow, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="Calculated in the shadow from now on")

    @action(
        title="Try out (A/B)",
        verb="try_out",
        question="You ask that this share of the organisers, and their campaigns, be shown this set's scores. Another analyst "
        "has to approve; you cannot. Who is in stays in; any analyst may stop it at once.",
        form=TryOut,
        submit="Propose the experiment",
        icon="alt_route",
    )
    def try_out(self, request: HttpRequest, form: TryOut, object_id: str) -> HttpResponse:
        said = form.cleaned_data
        command = partial(
            trials.propose,
            version=int(object_id),
            share=said["share"] / 100,
            days=said["days"],
            **self._said(request, form),
        )
        return self.decide(request, object_id, command, done="Proposed: another analyst decides")

    @action(
        title="Stop the experiment",
        verb="try_out",
        question="Everybody is shown the live set again. The set goes on in the shadow. No effect is read from an experiment "
        "that ends before its date.",
        form=Why,
        icon="stop_circle",
        look="danger",
    )
    def stop_trial(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(trials.stop, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="The experiment is stopped")

    @action(
        title="Propose promotion",
        verb="promote",
        question="You ask for this set to count for everybody. Another analyst has to approve; you cannot.",
        form=Why,
        submit="Propose it",
        icon="how_to_vote",
        look="primary",
    )
    def propose(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(commands.propose, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="Proposed: another analyst decides")

    @action(
        title="Approve",
        verb="promote",
        question="What was proposed happens at once: the set counts for everybody, or is shown to the share of organisers that "
        "the page names. Any analyst can roll back, or stop the experiment.",
        form=Why,
        submit="Approve it",
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        proposal, version, said = queries.open_proposal(), int(object_id), self._said(request, form)
        if proposal is not None and proposal.wants == "trial":
            begin = partial(trials.approve, version=version, **said)
            return self.decide(request, object_id, begin, done="The experiment runs")
        promote = partial(commands.approve, version=version, **said)
        return self.decide(request, object_id, promote, done="Live: every score is calculated again")

    @action(
        title="Decline",
        verb="promote",
        question="What was proposed is turned down and nothing changes. It may be proposed again.",
        form=Why,
        submit="Decline it",
        icon="close",
        look="danger",
    )
    def decline(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(commands.decline, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="Declined")

    @action(
        title="Roll back",
        verb="roll_back",
        question="The set that was live before counts again, at once and on your word alone. Every score is calculated again; "
        "a running experiment ends.",
        form=Why,
        submit="Roll back now",
        icon="undo",
        look="danger",
    )
    def roll_back(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(commands.roll_back, **self._said(request, form))
        return self.decide(request, object_id, command, done="Rolled back: every score is calculated again")

    @action(
        title="Put away",
        verb="retire",
        question="The set is calculated no more. It stays to be read and copied, but is never shown.",
        form=Why,
        icon="archive",
    )
    def retire(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(commands.retire, version=int(object_id), **self._said(request, form))
        return self.decide(request, object_id, command, done="Put away")

    def _said(self, request: HttpRequest, form: Why) -> dict[str, str]:
        return {"note": form.cleaned_data["note"], "by": self.actor(request)}
