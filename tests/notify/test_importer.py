"""The old Handlebars templates, brought over: the same words come out, and what cannot be said is reported by its line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from bh_sdk.money import Money
from notify_svc.wording import liquid
from notify_svc.wording.importer import drafts
from notify_svc.wording.importer.convert import Conversion, convert
from notify_svc.wording.importer.drafts import Old, take_over
from notify_svc.wording.models import Template, TemplateVersion
from notify_svc.wording.rendering import check

# --- An oracle: templates as trees, written as Handlebars and rendered by the book, without the importer's reader.

NAMES = ("donor", "note", "total", "flag", "rows", "people", "meta.left", "meta.right")
WORDS = st.text(st.sampled_from("ab <&'\"%\n"), max_size=6)
DATA = st.fixed_dictionaries(
    {
        "donor": WORDS,
        "note": WORDS,
        "total": st.integers(0, 3),
        "flag": st.booleans(),
        "amount": st.integers(1, 10**6).map(lambda minor: Money(minor, "GBP").decimal),
        "currency": st.sampled_from(["GBP", "EUR", "USD"]),
        "on": st.dates().map(str),
        "rows": st.lists(WORDS, max_size=3),
        "people": st.lists(st.fixed_dictionaries({"name": WORDS, "tags": st.lists(WORDS, max_size=2)}), max_size=3),
        "meta": st.fixed_dictionaries({"left": WORDS, "right": st.integers(0, 2)}),
    }
)


def trees(scope: str, depth: int) -> st.SearchStrategy[Any]:
    """What may stand in a scope: at the root, in a loop over texts, or in one over objects."""
    here = {
        "root": NAMES,
        "texts": ("this", "../donor", "../flag"),
        "people": ("this.name", "name", "../note", "../total"),
    }
    paths = st.sampled_from(here[scope])
    shown = [*here[scope], *(() if scope == "root" else ("@index",))]
    plain = st.sampled_from([one for one in shown if one not in ("rows", "people", "flag", "../flag")])
    leaves: list[st.SearchStrategy[Any]] = [
        st.tuples(st.just("text"), st.text(st.sampled_from("xy <p>\n"), min_size=1, max_size=5)),
        st.tuples(st.just("text"), st.sampled_from(["{% if %}", "%}", "} }", "{ "])),
        st.tuples(st.just("value"), plain),
        st.tuples(st.just("comment"), st.sampled_from(["x", "-- {{a}} --"])),
    ]
    if scope == "root":
        leaves += [st.just(("money",)), st.just(("date",))]
    else:
        leaves += [st.tuples(st.just("first"), st.just("*"))]
    if depth == 0:
        return st.lists(st.one_of(leaves), max_size=3)
    inner = trees(scope, depth - 1)
    blocks = [
        st.tuples(st.sampled_from(["if", "unless"]), paths, inner, inner),
        st.tuples(st.just("else if"), paths, paths, inner, inner),
    ]
    if scope == "root":
        blocks += [
            st.tuples(st.just("each"), st.just("rows"), trees("texts", depth - 1), inner),
            st.tuples(st.just("each"), st.just("people"), trees("people", depth - 1), inner),
        ]
    return st.lists(st.one_of(*leaves, *blocks), max_size=4)


def written(tree: list[Any]) -> str:
    """The tree as Handlebars."""
    return "".join(_written(*node) for node in tree)


def _written(kind: str, *rest: Any) -> str:
    match kind:
        case "text":
            return str(rest[0])
        case "value":
            return f"{{{{{rest[0]}}}}}"
        case "comment":
            return f"{{{{!{rest[0]}}}}}"
        case "money":
            return "{{formatCurrency amount currency}}"
        case "date":
            return "{{ formatDate on }}"
        case "first":
            return f"{{{{#if @first}}}}{rest[0]}{{{{/if}}}}"
        case "else if":
            a, b, then, other = rest
            return f"{{{{#if {a}}}}}1{{{{else if {b}}}}}{written(then)}{{{{else}}}}{written(other)}{{{{/if}}}}"
    path, then, other = rest
    return f"{{{{#{kind} {path}}}}}{written(then)}{{{{else}}}}{written(other)}{{{{/{kind}}}}}"


def rendered(tree: list[Any], scopes: list[Any], at: int = 0) -> str:
    """The tree, filled in as Handlebars would. `scopes` from the innermost out."""
    return "".join(_rendered(scopes, at, *node) for node in tree)


def _rendered(scopes: list[Any], at: int, kind: str, *rest: Any) -> str:
    match kind:
        case "text":
            return str(rest[0])
        case "comment":
            return ""
        case "value":
            return str(escape(str(at) if rest[0] == "@index" else _looked_up(rest[0], scopes)))
        case "money":
            return _money(scopes[-1])
        case "date":
            return liquid.fill("{{ on | day }}", {"on": scopes[-1]["on"], "lang": "en"}, markup=True)
        case "first":
            return str(rest[0]) if at == 0 else ""
        case "else if":
            a, b, then, other = rest
            if _looked_up(a, scopes):
                return "1"
            return rendered(then if _looked_up(b, scopes) else other, scopes, at)
        case "each":
            path, body, other = rest
            many = _looked_up(path, scopes)
            if not many:
                return rendered(other, scopes, at)
            return "".join(rendered(body, [one, *scopes], number) for number, one in enumerate(many))
    path, then, other = rest
    # Python's own idea of no is Handlebars': nothing, false, zero, an empty text, an empty list.
    return rendered(then if bool(_looked_up(path, scopes)) == (kind == "if") else other, scopes, at)


def _looked_up(path: str, scopes: list[Any]) -> Any:
    depth = path.count("../")
    found = scopes[depth]
    for step in path.replace("../", "").removeprefix("this").lstrip(".").split("."):
        found = found[step] if step else found
    return found


def _money(data: Any) -> str:
    return liquid.fill("{{ amount | money: currency }}", data | {"lang": "en"}, markup=True)


def sent(conversion: Conversion, data: dict[str, Any]) -> dict[str, Any]:
    """The data under the names that the conversion gave it."""
    found: dict[str, Any] = {"lang": "en"}
    for name, one in conversion.variables.items():
        value: Any = data
        for step in one.path.split("."):
            value = value[step]
        found[name] = value
    return found


@settings(max_examples=60)
@given(trees("root", 2), DATA)
def test_a_converted_template_says_what_the_old_one_said(tree: list[Any], data: dict[str, Any]) -> None:
    conversion = convert(written(tree))
    assert conversion.whole
    assert liquid.fill(conversion.liquid, sent(conversion, data), markup=True) == rendered(tree, [data])


def said(source: str, **partials: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.level, one.message) for one in convert(source, partials=partials).findings]


@pytest.mark.parametrize(
    ("source", "level", "words"),
    [
        ("a\n\n{{{content}}}", "changed", "content was let through as HTML"),
        ("a\n\n{{& content}}", "changed", "content was let through as HTML"),
        ("\n\n{{> footer}}", "lost", "the partial footer is not there"),
        ("\n\n{{> (lookup . 'x')}}", "lost", "a dynamic one"),
        ("\n\n{{#with donor}}x{{/with}}", "lost", "#with donor is not known here"),
        ("\n\n{{#if a b}}x{{/if}}", "lost", "#if a b is not known here"),
        ("\n\n{{#each rows}}x", "lost", "#each is never closed"),
        ("\n\n{{/each}}", "lost", "opens or closes nothing"),
        ("\n\n{{else}}", "lost", "opens or closes nothing"),
        ("\n\n{{uppercase name}}", "lost", "there is no helper uppercase"),
        ("\n\n{{formatCurrency amount}}", "lost", "without its currency"),
        ("\n\n{{../donor}}", "lost", "leads out of the template"),
        ("\n\n{{rows.[0].name}}", "lost", "cannot be said"),
        ("\n\n{{constructor.__proto__}}", "note", "is called constructor_proto here"),
        ("\n\n{{this}}", "lost", "cannot be said"),
        ("\n\n{{_}}", "lost", "cannot be the name of a variable"),
        ("\n\n{{donorName}}", "note", "donorName is called donor_name here"),
        ("{{name}}\n\n{{#each rows}}{{name}}{{/each}}", "note", "for the mail's own write ../name"),
    ],
)
def test_what_is_different_is_reported_with_its_line(source: str, level: str, words: str) -> None:
    (one,) = said(source)
    assert (one[0], one[1]) == (3, level)
    assert words in one[2]


@settings(max_examples=150)
@given(st.text(st.sampled_from("{}#/!>&^~. abif\"'()[]@\n%|-"), max_size=60))
def test_no_template_is_too_strange_to_be_read_and_what_comes_of_it_is_liquid(source: str) -> None:
    conversion = convert(source)
    liquid.parse(conversion.liquid, markup=True)


def test_a_partial_is_put_in_where_it_is_used_and_never_in_itself() -> None:
    assert convert("{{> hi}}!", partials={"hi": "Dear {{donor}}"}).liquid == "Dear {{ donor }}!"
    assert said("{{> a}}", a="\n{{> a}}") == [(1, "lost", "in a, line 2: the partial a uses itself")]


def test_what_the_renderer_knows_is_not_declared_and_the_organiser_is_not_the_reader() -> None:
    conversion = convert("{{user_name}} {{app_url}} {{unsubscribe_url}} {{recipient_name}}")
    assert conversion.liquid == "{{ recipient_name }} {{ site_url }} {{ unsubscribe_url }} {{ organiser_name }}"
    assert list(conversion.variables) == ["organiser_name"]


UPDATE = Old(
    "update",
    "{{campaign_title}}: {{update_title}}",
    """<html><head><style>p { color: red }</style></head>
<body><h1>{{update_title}}</h1>
<p>{{recipient_name}} writes:</p>
{{#if update_image}}<img src="{{update_image}}" alt="">{{/if}}
<div>{{{update_content}}}</div>
<p><a href="{{app_url}}/campaigns/{{campaign_id}}/updates/{{update_id}}">Read it</a></p>
{{#if spend_amount}}<p>{{formatCurrency spend_amount currency}} for {{spend_category}}</p>{{/if}}
</body></html>""",
)


@pytest.mark.django_db
def test_an_old_template_becomes_a_draft_that_waits_for_an_editor(tmp_path: Path) -> None:
    template = Template.objects.get(type="campaign_update", channel="email", locale="en")
    (report,) = take_over([UPDATE], write=True)
    assert (report.type, report.outcome, report.why) == ("campaign_update", "draft", "")
    assert [(one.line, one.level) for one in report.findings["html"]] == [(3, "note"), (5, "changed")]
    draft = template.versions.get(state="draft")
    assert (draft.created_by, draft.note) == ("import", "From the old template update")
    assert {one.name: one.required for one in draft.declared if one.name in ("organiser_name", "update_title")} == {
        "update_title": True,
        "organiser_name": False,
    }
    shown = check(draft.source)
    assert "Yesterday the drill reached water" in shown.html
    assert "£25.00 for Sample" in shown.html
    (again,) = take_over([UPDATE], write=True)
    assert (again.outcome, again.why) == ("refused", "a draft of this template is open")
    assert template.versions.filter(state="draft").count() == 1


@pytest.mark.django_db
def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    before = TemplateVersion.objects.count()
    (report,) = take_over([UPDATE], write=False)
    assert (report.outcome, report.why) == ("dry run", "")
    assert TemplateVersion.objects.count() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "outcome", "why"),
    [
        (Old("base", "", "{{{content}}}"), "not imported", "frame of their own"),
        (Old("year-in-review", "Hi", "<p>Hi</p>"), "not imported", "name one"),
        (
            Old("daily-digest", "Hi", "<p>{{#each donations}}{{this.donor_name}}{{/each}}</p>"),
            "refused",
            "lists of objects cannot be declared: donations",
        ),
        (Old("donation", "Hi", "<script>{{amount}}</script>"), "refused", "<script> is not allowed in a mail"),
        (Old("donation", "Hi", '<a href="{{donor_name}}">x</a>'), "refused", "a link must lead to a page"),
    ],
)
def test_what_cannot_be_a_draft_says_why(old: Old, outcome: str, why: str) -> None:
    (report,) = take_over([old], write=True)
    assert report.outcome == outcome
    assert why in report.why
    assert not TemplateVersion.objects.filter(state="draft").exists()


@pytest.mark.django_db
def test_the_command_reads_an_export_and_of_two_with_one_name_the_newest_counts(tmp_path: Path) -> None:
    rows = [
        {"name": "Goal_Reached", "subject": "Old", "html_template": "<p>old</p>", "updated_at": "2025-01-01"},
        {
            "name": "goal-reached",
            "subject": "{{campaign_title}} made it",
            "html_template": "<p>{{formatCurrency current_amount currency}}</p>",
            "text_template": "Done",
            "updated_at": "2025-06-01",
        },
        {"name": "thanks", "subject": "Thank you", "html_template": "<p>{{> missing}}Thanks</p>"},
    ]
    path = tmp_path / "email_templates.json"
    path.write_text(json.dumps(rows))
    out = io.StringIO()
    call_command("import_templates", path, "--write", "--type", "thanks=welcome", stdout=out)
    said = out.getvalue()
    assert "goal-reached -> goal_reached: draft" in said
    assert "html, line 1: lost: the partial missing is not there" in said
    assert "2 draft" in said
    draft = TemplateVersion.objects.get(state="draft", template__type="goal_reached")
    assert (draft.subject, draft.text) == ("{{ campaign_title }} made it", "Done")


@pytest.mark.django_db
def test_the_command_reads_a_folder_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "goal-reached.html").write_text("<p>{{campaign_title}}</p>")
    (tmp_path / "goal-reached.subject.txt").write_text("There!\n")
    out = io.StringIO()
    call_command("import_templates", tmp_path, stdout=out)
    assert "goal-reached -> goal_reached: dry run" in out.getvalue()
    (tmp_path / "rows.json").write_text('{"name": "x"}')
    for wrong in ([tmp_path / "rows.json"], [tmp_path / "nothing.json"], [tmp_path, "--type", "x"]):
        with pytest.raises(CommandError):
            call_command("import_templates", *wrong, stdout=out)
    assert drafts.normalized("Digest_Daily") == "daily-digest"
