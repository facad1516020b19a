"""Turn the old platform's Handlebars templates into drafts."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notify_svc.wording.importer import drafts


class Command(BaseCommand):
    help = (
        "Convert the old platform's templates to drafts, and say line by line what could not be converted. "
        "Writes nothing without --write."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="A JSON export of email_templates, or a folder of .html files")
        parser.add_argument("--write", action="store_true", help="Write the drafts")
        parser.add_argument(
            "--type", action="append", default=[], metavar="OLD=TYPE", help="Which type an old template becomes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        types = dict(drafts.TYPES)
        for pair in options["type"]:
            old, there, type = pair.partition("=")
            if not there:
                raise CommandError(f"{pair}: write OLD=TYPE")
            types[drafts.normalized(old)] = type
        try:
            olds = drafts.read(options["path"])
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['path']} cannot be read: {error}") from error
        reports = drafts.take_over(olds, write=options["write"], types=types)
        for report in reports:
            for line in report.lines:
                self.stdout.write(line)
        counts = {
            outcome: sum(one.outcome == outcome for one in reports)
            for outcome in dict.fromkeys(one.outcome for one in reports)
        }
        self.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing found")
