"""Nightly proofs: whether stored scores are what the evidence says, and which are not."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, display, parts
from trust_svc.scoring.models import ParityCheck


@admin.register(ParityCheck)
class ParityCheckAdmin(CasePage):
    """`score` in the policies. Nobody changes anything here, and the database keeps it."""

    thing, desk, desk_order, icon, order = "score", "Trust", 10, "fact_check", 95

    list_display = ("ended_at", "result", "compared", "left_out", "largest")
    list_filter: ClassVar = [("ended_at", RangeDateFilter)]
    in_palette = False

    @display(description="Result", label={"As the evidence says": "success", "Scores differ": "danger"})
    def result(self, row: ParityCheck) -> str:
        return "Scores differ" if row.differing else "As the evidence says"

    @display(description="Largest difference", ordering="worst")
    def largest(self, row: ParityCheck) -> str:
        return f"{row.worst:.2f} points" if row.differing else "–"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        tone: parts.Tone = "danger" if obj.differing else "success"
        headline = parts.Headline(
            title="Nightly proof",
            figure=f"{obj.differing:,}",
            unit="differ",
            below=f"of {obj.compared:,} stored scores, calculated afresh from all evidence",
            status=self.result(obj),
            tone=tone,
            notice=_notice(obj),
        )
        rows = [
            (kind, entity_id, each["what"], f"{each['stored']:.2f}", f"{each['fresh']:.2f}", f"{each['points']:.2f}")
            for each in obj.named
            for kind, entity_id in [each["entity"]]
        ]
        wide: list[parts.Card] = [
            parts.Table(
                "Those that differ most",
                ("Kind", "Id", "What is wrong", "Stored", "Evidence says", "Points"),
                rows,
                numeric=frozenset({3, 4, 5}),
                empty="Every score that was looked at is what the evidence says, to the bit.",
            )
        ]
        facts: list[parts.Fact | tuple[str, str]] = [
            ("Began", obj.began_at.strftime("%d %b %Y %H:%M:%S")),
            ("Ended", obj.ended_at.strftime("%d %b %Y %H:%M:%S")),
            ("Compared", f"{obj.compared:,}"),
            parts.Fact("Left out", f"{obj.left_out:,}", note="newer evidence waited to be counted"),
            ("Largest difference", f"{obj.worst:.2f} points"),
        ]
        return parts.Case(headline=headline, wide=wide, narrow=[parts.Facts("The proof", facts)])


def _notice(row: ParityCheck) -> str:
    if not row.differing:
        return ""
    return "The sweep that follows each proof calculates all scores anew. Tell the engineers: something wrote past the pipeline."
