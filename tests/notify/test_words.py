"""Templates: what they may do, what is refused, and that preview and sending cannot differ."""

from __future__ import annotations

import dataclasses
import socket
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from notify_svc.wording import commands, liquid, queries, rendering, rules, seeds
from notify_svc.wording.advice import findings
from notify_svc.wording.errors import DataInvalid, TemplateInvalid, TypeUnknown, VersionNotPublishable
from notify_svc.wording.models import Layout, Template, TemplateVersion
from notify_svc.wording.rendering import Source, check, render
from notify_svc.wording.rules import Variable

NAME = Variable("name", "line", "Ruth")
SEEDS = list(seeds.seeds())


def mail(html: str = "<p>{{ name }}</p>", **rest: Any) -> Source:
    return Source(
        channel="email",
        category="transactional",
        **{"subject": "Hi", "text": "Hi", "html": html, "variables": (NAME,), **rest},
    )


@pytest.mark.parametrize(
    "attack",
    [
        "{{ name.__class__ }}",
        "{{ name.__class__.__mro__ }}",
        "{{ self }}",
        "{{ now }}",
        "{{ today }}",
        "{% include 'other' %}",
        "{% render 'other' %}",
        "{% extends 'other' %}",
        "{% assign a = name %}",
        "{% capture a %}x{% endcapture %}",
        "{% increment a %}",
        "{% tablerow i in (1..9) %}x{% endtablerow %}",
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
        "{{ name | replace: 'R', name }}",
        "{{ name | split: '' }}",
        "{{ name | safe }}",
        "{{ name | base64_decode }}",
        "{% if name %}" * 40 + "{% endif %}" * 40,
        "{{ name",
        "{% if %}{% endif %}",
        "{{ 1" + "9" * 5_000 + " }}",
        "<script>alert(1)</script>",
        "<iframe src='https://example.org'></iframe>",
        "<form action='https://example.org'></form>",
        "<p onclick='x()'>x</p>",
        "<meta http-equiv='refresh' content='0'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' JaVaScRiPt:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<a href='{{ name }}'>x</a>",
        "<img src='{{ name }}'>",
        "x" * 100_001,
    ],
)
def test_an_attack_in_a_template_is_refused(attack: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateInvalid):
        check(mail(attack))
    assert time.monotonic() - began < 1


def test_a_template_cannot_write_without_end() -> None:
    lines = Variable("lines", "lines", ["x" * 200] * 50)
    with pytest.raises(TemplateInvalid, match="limit"):
        check(
            mail(
                "{% for a in lines %}{% for b in lines %}{{ a }}{{ lines }}{% endfor %}{% endfor %}", variables=(lines,)
            )
        )


def test_an_undeclared_variable_is_refused_with_its_field_and_name() -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail("{{ amonut }}"))
    assert refusal.value.facts["errors"] == [{"pointer": "#/html", "message": "amonut is not declared"}]


def test_an_optional_variable_must_not_be_needed() -> None:
    optional = Variable("note", "text", "hello", required=False)
    assert "hello" in check(mail("{% if note %}{{ note }}{% endif %}", variables=(optional,))).html
    with pytest.raises(TemplateInvalid):
        check(mail("{{ amount | money: 'GBP' }}", variables=(Variable("amount", "amount", "1.00", required=False),)))


class Tags(HTMLParser):
    """What a mail program would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.title: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.title = dict(attrs).get("title", self.title)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "value", ["<b>x</b>", "<script>x</script>", '"><img src=x onerror=x>', "&lt;", "{{ name }}", "{% if %}"]
)
def test_what_strangers_write_stays_text(value: str) -> None:
    rendered = render(mail("<p title='{{ name }}'>{{ name }}</p>"), {"name": value})
    found = Tags()
    found.feed(rendered.html)
    assert (found.tags, found.title, found.text) == (["html", "head", "body", "p"], value, value)
    assert render(mail(text="{{ name }}"), {"name": value}).text.strip() == value


@given(st.text())
def test_a_subject_is_always_one_line_and_never_escaped(value: str) -> None:
    subject = render(mail(subject="a & {{ name }}"), {"name": value}).subject
    assert subject.startswith("a &")
    assert len(subject.splitlines()) == 1
    assert subject.isprintable() or not any(ord(char) < 32 for char in subject)


def test_a_title_with_a_line_break_and_a_header_stays_a_subject() -> None:
    assert (
        render(mail(subject="{{ name }}"), {"name": "Hi\r\nBcc: all@example.org"}).subject == "Hi Bcc: all@example.org"
    )


def test_a_stylesheet_from_elsewhere_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"http://127.0.0.1:{server.getsockname()[1]}/x.css"
        head = (
            f"<head><link rel='stylesheet' href='{there}'><style>@import url({there});</style></head>{{{{ content }}}}"
        )
        shown = render(mail(layout_html=head), {"name": "Ruth"})
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "<link" not in shown.html


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.type}-{seed.source.channel}-{seed.source.locale}")
def test_every_first_template_is_sound(seed: seeds.Seed) -> None:
    shown = check(seed.source)
    assert rendering.sampled(seed.source) == shown
    assert [one for one in findings(seed.source) if one.level != "note"] == []
    if seed.source.channel == "email":
        assert "{{" not in shown.html + shown.text
        assert "style=" in shown.html
        assert 'class="button"' in shown.html
        assert f'dir="{rules.direction(seed.source.locale)}"' in shown.html
        assert len(shown.html.encode()) < 100_000
    else:
        # Where a broadcast leads is written with it.
        site = "https://" if seed.type.startswith("broadcast.") else settings.BH_SITE_URL
        assert seed.source.channel == "sms" or shown.action_url.startswith(site)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("line", ["x", "ß"], ["", "a\nb", "a\rb", "a\x00b", "x" * 201, 1, None, ["x"], "\ud800"]),
        ("text", ["", "a\nb"], ["a\x00", "x" * 20_001, {}]),
        ("id", ["6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01"], ["x", "6f1d7f0e3d8a4a639f572f3f2f5f9a01", 1]),
        ("amount", ["25.00", "500", "1.250"], ["1e9", "-1", "1,5", 25, 25.0, "NaN", "9" * 40]),
        ("currency", ["GBP", "JPY"], ["gbp", "XXX", 1, []]),
        (
            "url",
            ["https://example.org/a?b=c"],
            ["javascript:x", "//x", "https://", "https://u@x.org", "https://x.org/\n", "ftp://x", "https://[x"],
        ),
        ("count", [0, 12], [-1, True, 1.5, "1", 10**13]),
        ("flag", [True], [1, "true"]),
        ("lines", [[], ["a"]], [["a\n"], "a", ["a"] * 51, [1]]),
    ],
)
def test_each_kind_of_variable_takes_what_it_says(kind: str, good: list[Any], bad: list[Any]) -> None:
    one = (Variable("v", kind, good[-1]),)
    assert [value for value in good if rules.misfits(one, {"v": value})] == []
    assert [value for value in bad if not rules.misfits(one, {"v": value})] == []


@pytest.mark.django_db
def test_data_is_refused_with_a_pointer_per_variable() -> None:
    with pytest.raises(DataInvalid) as refusal:
        queries.Wordings("campaign_update").check({"campaign_title": "a\nb", "extra/x": 1}, channels={"email"})
    pointers = {entry["pointer"] for entry in refusal.value.facts["errors"]}
    assert pointers == {
        f"#/data/{name}"
        for name in ("campaign_title", "campaign_id", "update_title", "update_id", "update_content", "extra~1x")
    }
    with pytest.raises(TypeUnknown):
        queries.Wordings("nothing")


@pytest.mark.django_db
def test_an_edit_is_a_new_version_and_publishing_it_retires_the_old() -> None:
    template = Template.objects.get(type="gift.thank_you", channel="in_app", locale="en")
    old = template.versions.get()
    words = {"subject": "Thanks", "text": "{{ amount | money: currency }}", "action": "{{ site_url }}"}
    new = commands.draft(template_id=template.id, words=words, variables=old.variables, by="editor")
    assert (new.number, new.state, queries.Wordings("gift.thank_you").pick("in_app", None)) == (2, "draft", old)
    commands.hand_in(version_id=new.id, by="editor")
    commands.publish(version_id=new.id, by="colleague", accepting=commands.what_breaks(new).names)
    old.refresh_from_db()
    assert (old.state, queries.Wordings("gift.thank_you").pick("in_app", "de-CH")) == ("retired", new)
    commands.restore(version_id=old.id, by="editor")
    assert queries.Wordings("gift.thank_you").pick("in_app", None) == old
    with pytest.raises(VersionNotPublishable):
        commands.restore(version_id=old.id, by="editor")


@pytest.mark.django_db
def test_a_draft_that_would_not_render_is_refused_and_nothing_is_written() -> None:
    template = Template.objects.get(type="gift.thank_you", channel="in_app", locale="en")
    for words, variables in (
        ({"subject": "{{ nope }}", "text": "x"}, []),
        ({"subject": "x", "text": "{% if %}"}, []),
        ({"subject": "", "text": "x"}, []),
        ({"subject": "x", "text": "x", "action": "javascript:x"}, []),
        ({"subject": "x", "text": "x"}, [{"name": "a", "kind": "nothing", "sample": 1}]),
        ({"subject": "x", "text": "x"}, [{"name": "recipient_name", "kind": "line", "sample": "x"}]),
        ({"subject": "x", "text": "x"}, [{"name": "a"}]),
    ):
        with pytest.raises(TemplateInvalid):
            commands.draft(template_id=template.id, words=words, variables=variables, by="editor")
    assert template.versions.count() == 1


@pytest.mark.django_db
def test_the_database_keeps_the_words_of_versions_and_layouts() -> None:
    version = TemplateVersion.objects.select_related("template", "layout").filter(layout__isnull=False)[0]
    changes: list[dict[str, Any]] = [{"text": "other"}, {"variables": []}, {"number": 9}, {"state": "draft"}]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            TemplateVersion.objects.filter(id=version.id).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Layout.objects.update(html="other")
    version.refresh_from_db()
    assert version.state == "live"


@pytest.mark.django_db
def test_the_seeded_words_are_those_of_the_files() -> None:
    for seed in SEEDS:
        version = queries.Wordings(seed.type).pick(seed.source.channel, seed.source.locale)
        assert version is not None
        assert dataclasses.replace(version.source, variables=()) == dataclasses.replace(seed.source, variables=())
        assert queries.preview(version) == check(seed.source)


def test_parsing_is_remembered_and_rendering_leaves_no_trace() -> None:
    source = mail("{% for x in lines %}{{ x }}{% endfor %}", variables=(Variable("lines", "lines", ["a", "b"]),))
    assert rendering.render(source, {"lines": ["a", "b"]}) == rendering.render(source, {"lines": ["a", "b"]})
    assert liquid.parse(source.html, markup=True) is liquid.parse(source.html, markup=True)
