"""Scoring a file of facts: in a bare clone, with nothing but the virtualenv."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from tests.trust.evidence import a_fact, a_gift, a_good_campaign, about_user, fact, gifts
from trust_svc.scoring.engine import SHIPPED, Params

ROOT = Path(__file__).parents[2]


@dataclass
class Done:
    returncode: int
    stderr: str


def manage(*words: object) -> Done:
    """The command in this process."""
    try:
        call_command(*map(str, words), stdout=StringIO())
    except CommandError as error:
        return Done(error.returncode, str(error))
    return Done(0, "")


def typed(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command as an analyst types it, with an empty environment."""
    command = [sys.executable, str(ROOT / "trust_svc" / "manage.py"), *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )


def tell(file: Path, facts: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(each) + "\n" for each in facts))
    return file


def some_history() -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = []
    donor = uuid4()
    for _ in range(5):
        campaign, owner = uuid4(), uuid4()
        facts += a_good_campaign(campaign, owner)
        facts += [a_gift(about=campaign, days=4, data=gift(donor))]
        facts += [a_fact(type="report.filed", about=campaign, days=3, data={"report_id": str(uuid4()), "kind": "spam"})]
    return facts


def gift(donor: UUID) -> dict[str, str]:
    return {"payment_id": str(uuid4()), "donor_id": str(donor), "amount": "5.00", "currency": "GBP", "cluster": "h1"}


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_file_is_scored_without_database_server_or_secret(tmp_path: Path) -> None:
    facts = some_history()
    done = typed("score_events", "--input", tell(tmp_path / "facts.jsonl", facts), "--output", tmp_path / "out.csv")
    assert (done.returncode, done.stderr) == (0, "")
    rows = read(tmp_path / "out.csv")
    assert ",".join(rows[0]) == (
        "kind,id,score,lower,confidence,tier,completion,updates,engagement,verification,history,cap,reasons"
    )
    campaigns = {each["subject"]["id"] for each in facts if each["type"] == "campaign.created"}
    assert {row["id"] for row in rows if row["kind"] == "campaign"} == campaigns
    for row in rows:
        parts = ("completion", "updates", "engagement", "verification", "history", "cap")
        assert sum(float(row[part]) for part in parts) == float(row["score"])
        assert 0 <= float(row["lower"]) <= float(row["score"]) <= 100


def test_order_and_repetition_change_no_byte(tmp_path: Path) -> None:
    facts = some_history()
    again = facts + facts[::3]
    random.Random(4).shuffle(again)
    for name, some in (("one", facts), ("two", again)):
        assert (
            manage(
                "score_events", "--input", tell(tmp_path / name, some), "--output", tmp_path / f"{name}.csv"
            ).returncode
            == 0
        )
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_later_facts_are_not_known_by_then(tmp_path: Path) -> None:
    campaign, owner = uuid4(), uuid4()
    early = [fact("campaign.created", campaign, 100, owner_id=str(owner)), about_user("user.joined", owner, 200)]
    late = gifts(campaign, 20, days=2)
    then = late[0]["time"]
    manage(
        "score_events",
        "--input",
        tell(tmp_path / "a", early),
        "--output",
        tmp_path / "a.csv",
        "--as-of",
        early[0]["time"],
    )
    manage(
        "score_events",
        "--input",
        tell(tmp_path / "b", early + late),
        "--output",
        tmp_path / "b.csv",
        "--as-of",
        early[0]["time"],
    )
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    manage("score_events", "--input", tmp_path / "b", "--output", tmp_path / "c.csv", "--as-of", then)
    assert (tmp_path / "c.csv").read_bytes() != (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 3"),
        ('{"id": "x"}', "line 3"),
        (json.dumps(a_fact(type="campaign.dreamt")), "type"),
        (json.dumps(a_fact(type="campaign.progress", data={"progress": 2})), "progress"),
        (json.dumps(a_fact(type="user.joined", kind="campaign")), "user.joined is about a user"),
        (json.dumps(a_fact() | {"time": "2026-01-01T00:00:00"}), "time"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(tmp_path: Path, line: str, says: str) -> None:
    file = tell(tmp_path / "facts.jsonl", [a_fact(), a_fact()])
    file.write_text(file.read_text() + line + "\n" + json.dumps(a_fact()) + "\n")
    done = manage("score_events", "--input", file, "--output", tmp_path / "out.csv")
    assert done.returncode == 2
    assert "line 3" in done.stderr
    assert says in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["facts.jsonl"]


def test_one_id_with_two_stories_is_refused(tmp_path: Path) -> None:
    one = a_fact(type="campaign.progress", data={"progress": 0.5})
    done = manage(
        "score_events",
        "--input",
        tell(tmp_path / "f", [one, one | {"data": {"progress": 0.6}}]),
        "--output",
        tmp_path / "o",
    )
    assert (done.returncode, "line 2" in done.stderr, (tmp_path / "o").exists()) == (2, True, False)


def test_parameters_come_from_a_file(tmp_path: Path) -> None:
    facts = tell(tmp_path / "f", some_history())
    hard = Params.parse(SHIPPED.canonical().replace('"identity_cap":69.0', '"identity_cap":10.0'))
    (tmp_path / "p.json").write_text(hard.canonical())
    (tmp_path / "bad.json").write_text('{"colour": 1}')
    assert (
        manage("score_events", "--input", facts, "--output", tmp_path / "o", "--params", tmp_path / "p.json").returncode
        == 0
    )
    unverified = [row for row in read(tmp_path / "o") if float(row["verification"]) == 0]
    assert unverified
    assert max(float(row["score"]) for row in unverified) <= 10
    done = manage("score_events", "--input", facts, "--output", tmp_path / "o2", "--params", tmp_path / "bad.json")
    assert (done.returncode, "colour" in done.stderr, (tmp_path / "o2").exists()) == (2, True, False)


@pytest.mark.parametrize("some", ["{}", '{"params": {}}', '{"identity_cap": 60}'])
def test_a_set_that_leaves_numbers_out_is_refused(tmp_path: Path, some: str) -> None:
    (tmp_path / "p.json").write_text(some)
    facts = tell(tmp_path / "f", some_history())
    done = manage("score_events", "--input", facts, "--output", tmp_path / "o", "--params", tmp_path / "p.json")
    assert (done.returncode, "missing" in done.stderr, "weights" in done.stderr) == (2, True, True)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("amount", ["-5.00", -5, "nothing", "1e3"])
def test_what_is_no_sum_of_money_is_refused_with_its_line(tmp_path: Path, amount: object) -> None:
    good = a_gift(about=uuid4(), data=gift(uuid4()))
    bad = a_gift(about=uuid4(), data=gift(uuid4()) | {"amount": amount})
    facts = tell(tmp_path / "f", [good, bad])
    done = manage("score_events", "--input", facts, "--output", tmp_path / "o")
    assert (done.returncode, f"{facts}, line 2: amount" in done.stderr, (tmp_path / "o").exists()) == (2, True, False)


def labelled(tmp_path: Path, count: int = 60) -> tuple[Path, Path, list[list[str]]]:
    """History in which who falls silent turns out bad."""
    facts: list[dict[str, Any]] = []
    labels: list[list[str]] = []
    for at in range(count):
        campaign, owner, bad = uuid4(), uuid4(), at % 4 == 0
        told = a_good_campaign(campaign, owner)
        facts += [
            each for each in told if not (bad and each["type"] in ("campaign.update_posted", "campaign.progress"))
        ]
        labels += [["campaign", str(campaign), str(int(bad))], ["user", str(owner), str(int(bad))]]
    return tell(tmp_path / "facts.jsonl", facts), write(tmp_path / "labels.csv", labels), labels


def write(file: Path, labels: list[list[str]]) -> Path:
    file.write_text("kind,id,label\n" + "".join(",".join(each) + "\n" for each in labels))
    return file


def test_calibrate_writes_parameters_that_score_events_takes(tmp_path: Path) -> None:
    facts, labels, rows = labelled(tmp_path)
    for name, order in (("a", labels), ("b", write(tmp_path / "again.csv", rows[::-1]))):
        done = manage("calibrate", "--input", facts, "--labels", order, "--output", tmp_path / f"{name}.json")
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    report = json.loads((tmp_path / "a.json").read_text())["report"]
    assert report["cases"]["all"] == 120
    assert report["held_out"]["after"]["auc"] > 0.95
    scored = manage("score_events", "--input", facts, "--output", tmp_path / "s", "--params", tmp_path / "a.json")
    assert scored.returncode == 0
    points = {row["id"]: float(row["score"]) for row in read(tmp_path / "s")}
    worst_good = min(points[entity_id] for _, entity_id, label in rows if label == "0")
    assert all(points[entity_id] < worst_good for _, entity_id, label in rows if label == "1")


def test_several_pairs_are_learnt_from_together(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    (one, its, _), (other, others, _) = labelled(tmp_path / "1", 30), labelled(tmp_path / "2", 30)
    pairs = ("--input", one, "--labels", its, "--input", other, "--labels", others)
    assert manage("calibrate", *pairs, "--output", tmp_path / "p.json").returncode == 0
    assert json.loads((tmp_path / "p.json").read_text())["report"]["cases"]["all"] == 120
    done = manage("calibrate", *pairs, "--input", one, "--output", tmp_path / "q.json")
    assert (done.returncode, "pairs" in done.stderr, (tmp_path / "q.json").exists()) == (2, True, False)


def test_labels_that_cannot_be_learnt_from_are_refused(tmp_path: Path) -> None:
    facts, _, rows = labelled(tmp_path)
    for labels, says in (
        ([["user", str(uuid4()), "1"]], "no fact tells of anybody"),
        ([[kind, entity_id, "0"] for kind, entity_id, _ in rows], "turned out good"),
        (rows[:20], "too few"),
        ([*rows, ["user", "x", "1"]], "line 122"),
        ([*rows, [*rows[0][:2], "0"]], "line 122"),
        ([["donor", *rows[0][1:]]], "line 2: kind"),
    ):
        done = manage(
            "calibrate", "--input", facts, "--labels", write(tmp_path / "l", labels), "--output", tmp_path / "p"
        )
        assert (done.returncode, (tmp_path / "p").exists()) == (2, False)
        assert says in done.stderr


def test_a_label_of_whom_no_fact_tells_is_left_out_and_counted(tmp_path: Path) -> None:
    facts, labels, rows = labelled(tmp_path)
    more = write(tmp_path / "more", [*rows, ["user", str(uuid4()), "1"]])
    said = StringIO()
    for name, given in (("one", labels), ("two", more)):
        call_command(
            "calibrate", "--input", str(facts), "--labels", str(given), "--output", str(tmp_path / name), stdout=said
        )
    assert "1 labels left out" in said.getvalue()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_exports_may_say_things_their_own_way(tmp_path: Path) -> None:
    campaign, owner = uuid4(), uuid4()
    made = {"owner_id": str(owner), "currency": "GBP", "goal": "5000.00"}
    given = {"payment_id": "p-1", "donor_id": str(uuid4()), "amount": "12.50", "currency": "EUR", "cluster": "one hand"}
    filed = {"report_id": "r-1", "kind": "other", "reporter_id": str(uuid4())}
    ours = [
        fact("campaign.created", campaign, 60, **made),
        a_fact(type="payment.succeeded", about=campaign, days=9, data=given),
        fact("report.filed", campaign, 3, **filed),
    ]
    ways: list[dict[str, Any]] = [
        {"goal": 5000, "country": "elsewhere"},
        {"amount": 12.5, "currency": "eur", "channel": "web"},
        {"kind": "impersonation"},
    ]
    theirs = [one | {"data": one["data"] | way} for one, way in zip(ours, ways, strict=True)]
    for name, facts in (("ours", ours), ("theirs", theirs)):
        done = manage("score_events", "--input", tell(tmp_path / name, facts), "--output", tmp_path / f"{name}.csv")
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize("output", ["facts.jsonl", "."])
def test_what_is_read_and_what_is_no_file_is_not_written(tmp_path: Path, output: str) -> None:
    file = tell(tmp_path / "facts.jsonl", [a_fact()])
    before = file.read_bytes()
    assert manage("score_events", "--input", file, "--output", tmp_path / output).returncode == 2
    assert file.read_bytes() == before


def test_the_commands_of_the_analysts_page_work_as_written(tmp_path: Path) -> None:
    facts, labels, _ = labelled(tmp_path, 30)
    old = about_user("user.joined", uuid4()) | {"time": "2020-01-01T00:00:00Z"}
    facts.write_text(facts.read_text() + json.dumps(old) + "\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(facts.read_text())
        (tmp_path / f"{name}.csv").write_text(labels.read_text())
    page = (ROOT / "docs" / "trust-offline.md").read_text()
    commands = [line for block in page.split("```sh\n")[1:] for line in block.split("```")[0].splitlines()]
    assert len(commands) == 5
    # What is fitted on the page's second half is used in its first.
    for command in sorted(commands):
        words = command.split()
        assert words[:2] == ["python", "trust_svc/manage.py"]
        done = typed(*words[2:], cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert {"scores.csv", "then.csv", "fitted.csv", "params.json", "both.json"} <= {
        each.name for each in tmp_path.iterdir()
    }


def test_a_wrong_line_ends_the_command_with_2(tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_text("{}\n")
    done = typed("score_events", "--input", tmp_path / "facts.jsonl", "--output", tmp_path / "out.csv")
    assert (done.returncode, "line 1" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert not (tmp_path / "out.csv").exists()
