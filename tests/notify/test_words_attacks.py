"""Attacks on and through words: what editors, strangers and frames may not do; and how words of other channels behave."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notify_svc.wording import advice, lint, liquid, mjml, plain, rules
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Links, Source, check, render
from notify_svc.wording.rules import Variable
from notify_svc.wording.segments import segments

NAME = Variable("name", "line", "Ruth")
WORDS = Variable("words", "text", "Thank you.")
LONG = Variable("words", "text", "word " * 4_000)
PLACE = Variable("place", "url", "https://example.org/a")
BUTTON = '<p><a class="button" href="{{ link }}">{{ label }}</a></p>'


def mail(html: str = "<p>{{ name }}</p>", **rest: Any) -> Source:
    given: dict[str, Any] = {
        "channel": "email",
        "category": "transactional",
        "subject": "Hi",
        "text": "Hi",
        "html": html,
    }
    return Source(**{**given, "variables": (NAME, WORDS, PLACE), "blocks": {"button": BUTTON}, **rest})


def short(channel: str, text: str = "{{ name }}", subject: str = "Hi", **rest: Any) -> Source:
    return Source(
        channel=channel, category="social", subject=subject, text=text, variables=(NAME, WORDS, PLACE), **rest
    )


@pytest.mark.parametrize(
    "attack",
    [
        # Objects: there are none behind the values.
        "{{ name.__class__.__mro__[1].__subclasses__ }}",
        "{{ name['__class__'] }}",
        "{{ __blocks }}",
        "{{ __blocks.button }}",
        "{{ forloop.parentloop }}",
        "{{ settings.SECRET_KEY }}",
        # Includes, of every family.
        "{% include '/etc/passwd' %}",
        "{% render 'button' %}",
        "{% layout 'x' %}",
        "{% liquid echo name %}",
        "{% block button %}",
        "{% block name %}",
        "{% block 'nope' %}",
        "{% block 'button' %}",
        "{% block 'button', label: name %}",
        "{% block 'button', label: name, link: place, more: name %}",
        # Work without end.
        "{% for a in (1..1000) %}{% for b in (1..1000) %}{{ words }}{% endfor %}{% endfor %}",
        "{% for a in (1..999999999) %}{% endfor %}",
        "{{ words | append: words | append: words | times: 9 }}",
        "{% unless name %}" * 60 + "{% endunless %}" * 60,
        "{{ 'a' | truncate: 99999999999999999999 }}{{ " + "(" * 3_000 + " }}",
        # Links that run.
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href='vbscript:x'>x</a>",
        "<a href='//evil.example'>x</a>",
        "<a href='{{ words }}'>x</a>",
        "{% block 'button', label: 'x', link: 'javascript:alert(1)' %}",
        "{% block 'button', label: 'x', link: words %}",
        "<img srcset='javascript:x'>",
        "<table><tr><td background='javascript:x'>x</td></tr></table>",
        # Styles that load or run.
        "<style>@import url(https://evil.example/x.css);</style>",
        "<p style='background:url(javascript:x)'>x</p>",
        "<p style='width:expression(alert(1))'>x</p>",
        "<div style='behavior:url(x.htc)'>x</div>",
        "<style>p { background: url(file:///etc/passwd) }</style><p>x</p>",
        "<link rel='stylesheet' href='https://evil.example/x.css'>",
        "<meta http-equiv='refresh' content='0;url=https://evil.example'>",
        "<svg onload='x'>",
        "<base href='https://evil.example/'>",
    ],
)
def test_an_attack_by_an_editor_is_refused_quickly(attack: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateInvalid):
        check(mail(attack))
    assert time.process_time() - began < 3


@pytest.mark.parametrize("style", ["{{ words }}", "color: {{ name }}", "{{ name }}: red", "a", "{"])
def test_a_style_that_cannot_be_read_or_that_strangers_write_is_refused(style: str) -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail(f'<p style="{style}">x</p>', layout_html="<style>p { margin: 0 }</style>{{ content }}"))
    assert refusal.value.facts["errors"][0]["pointer"] == "#/html"


def in_a_thread(work: Any) -> None:
    """As a server's thread runs it: with a stack a quarter of a program's own."""
    before = threading.stack_size(2 * 1024 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000,
        "<!--><b>" + "<i>" * 9_000,
        "{% for a in (1..1000) %}<p><b>{% endfor %}",
        "<div><table></div>" * 3_000,
    ],
)
def test_what_is_nested_without_end_is_refused_before_it_ends_the_process(html: str) -> None:
    refused = []

    def work() -> None:
        with pytest.raises(TemplateInvalid):
            check(mail(html))
        refused.append(html)

    in_a_thread(work)
    assert refused == [html]


def test_as_much_as_is_allowed_is_worked_on_in_a_servers_thread() -> None:
    looks: list[Any] = []
    deep = "<b>" * (lint.MOST_ELEMENTS - 20)
    in_a_thread(lambda: looks.append(render(mail(deep), {"name": "R", "words": "w", "place": "https://example.org/"})))
    parts = mjml.MOST_PARTS - 1
    nested = f"<mjml><mj-body>{'<mj-section>' * (parts - 1)}{'</mj-section>' * (parts - 1)}</mj-body></mjml>"
    in_a_thread(lambda: looks.append(mjml.compiled(nested)))
    assert len(looks) == 2


@pytest.mark.parametrize("inside", ["<mj-section>" * 3_000, f"<mj-raw>{'<div>' * 9_000}</mj-raw>"])
def test_mjml_nested_without_end_is_refused_before_it_is_compiled(inside: str) -> None:
    with pytest.raises(TemplateInvalid):
        mjml.compiled(f"<mjml><mj-body>{inside}</mj-body></mjml>")


@pytest.mark.parametrize(
    "link",
    ["https://{{ name }}", "https://{{ words }}.example/a", "https://good.example@{{ name }}/", "http://a{{ words }}"],
)
def test_whose_page_a_link_leads_to_is_not_for_strangers_to_say(link: str) -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail(f"<a href='{link}'>x</a>"))
    assert "decides whose page" in str(refusal.value.facts)
    with pytest.raises(TemplateInvalid):
        check(short("in_app", action=link))
    check(mail("<a href='https://example.org/{{ name }}?q={{ words }}'>x</a>"))


@pytest.mark.parametrize("field", ["subject", "preheader", "text"])
def test_blocks_are_markup_and_stand_in_no_other_field(field: str) -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail(**{field: '{% block "button", label: "x", link: place %}'}))
    assert refusal.value.facts["errors"][0]["pointer"] == f"#/{field}"


def test_a_block_is_filled_with_what_it_is_given_and_everything_is_escaped() -> None:
    source = mail('{% block "button", label: name, link: place %}')
    shown = render(source, {"name": '<b>"x"</b>', "words": "", "place": "https://example.org/?a=1&b=2"})
    assert "&lt;b&gt;&quot;x&quot;&lt;/b&gt;" in shown.html.replace("&#34;", "&quot;").replace('"x"', "&quot;x&quot;")
    assert "<b>" not in shown.html
    assert 'href="https://example.org/?a=1&amp;b=2"' in shown.html


def test_a_long_gift_of_words_cannot_be_multiplied_without_end() -> None:
    many = "{% for a in (1..900) %}{{ words | append: words | append: words }}{% endfor %}"
    with pytest.raises(TemplateInvalid, match="limit"):
        check(mail(many, variables=(LONG,)))


def test_blocks_in_loops_share_the_limits_of_the_mail() -> None:
    lines = Variable("lines", "lines", ["x" * 200] * 50)
    nested = '{% for a in lines %}{% for b in lines %}{% block "many", lines: lines %}{% endfor %}{% endfor %}'
    with pytest.raises(TemplateInvalid, match="limit"):
        check(mail(nested, variables=(lines,), blocks={"many": "{% for c in lines %}{{ c }}{% endfor %}"}))


@given(st.text(max_size=200), st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_what_strangers_write_runs_nowhere_and_breaks_no_header(name: str, words: str) -> None:
    source = mail(
        '<p title="{{ name }}">{{ words | newline_to_br }}</p>{% block "button", label: name, link: place %}',
        subject="{{ name }}",
        text="{{ words }}",
    )
    shown = render(source, {"name": name, "words": words, "place": "https://example.org/"}, recipient_name=words)
    assert not re.search(r"[\r\n\x00-\x1f]", shown.subject)
    assert lint.unsafe(shown.html) == []
    for channel in ("push", "in_app", "sms"):
        told = render(
            short(channel, subject="{{ name }}", action="{{ place }}"), {"name": name, "place": "https://x.org"}
        )
        assert not re.search(r"[\r\n\x00-\x1f]", told.title + told.action_url)


@pytest.mark.parametrize("field", ["subject", "recipient_name"])
def test_a_line_break_with_a_header_behind_it_stays_one_line(field: str) -> None:
    attack = "Hi\r\nBcc: all@example.org\u2028\x85X-Evil: 1"
    source = mail(subject="{{ name }}{{ recipient_name }}")
    given = {"name": attack if field == "subject" else "", "words": "", "place": "https://x.org"}
    shown = render(source, given, recipient_name=attack if field == "recipient_name" else "")
    assert shown.subject == "Hi Bcc: all@example.org X-Evil: 1"


# -- MJML --------------------------------------------------------------------------------------------------------------

MJML = (
    "<mjml><mj-head><mj-title>x</mj-title></mj-head><mj-body><mj-section><mj-column>"
    "<mj-text>{% if name != '' %}Dear {{ name }}{% endif %}, thank you.</mj-text>"
    '<mj-button href="{{ place }}">See it</mj-button>{rest}</mj-column></mj-section></mj-body></mjml>'
)


def of_mjml(source: str, **changes: Any) -> Source:
    return mail(mjml.compiled(source), whole=True, **changes)


def test_mjml_becomes_a_whole_mail_in_the_readers_language() -> None:
    source = of_mjml(MJML.replace("{rest}", ""), locale="ar", text="")
    shown = check(source)
    assert shown.html.count("<html") == 1
    assert 'lang="ar" dir="rtl"' in shown.html
    assert "Dear Ruth" in shown.html
    assert 'href="https://example.org/a"' in shown.html
    assert "See it: https://example.org/a" in shown.text


def test_blocks_in_mjml_look_as_they_do_in_the_frame() -> None:
    frame = "<style>.button { background: #0f766e; }</style>{{ content }}"
    source = of_mjml(
        MJML.replace("{rest}", '<mj-text>{% block "button", label: "x", link: place %}</mj-text>'), layout_html=frame
    )
    assert re.search(r'<a class="button" [^>]*style="background: #0f766e', check(source).html)


@pytest.mark.parametrize(
    "rest",
    [
        '<mj-include path="/etc/passwd" type="html" />',
        '<MJ-INCLUDE path="./x.mjml" />',
        '<mj-include path="http://127.0.0.1:1/x.mjml" />',
        "<mj-raw><script>x</script></mj-raw>",
        '<mj-button href="javascript:x">x</mj-button>',
        '<mj-text css-class="x"><iframe src="https://evil.example"></iframe></mj-text>',
        "<mj-text>",
    ],
)
def test_mjml_reads_nothing_from_disk_or_network_and_hides_nothing(rest: str) -> None:
    with pytest.raises(TemplateInvalid):
        check(of_mjml(MJML.replace("{rest}", rest)))


def test_mjml_fetches_no_font_from_anywhere() -> None:
    head = '<mj-head><mj-font name="R" href="https://fonts.example/x.css"/></mj-head>'
    with pytest.raises(TemplateInvalid):
        check(
            of_mjml(
                f'<mjml>{head}<mj-body><mj-section><mj-column><mj-text font-family="R">x</mj-text></mj-column>'
                "</mj-section></mj-body></mjml>"
            )
        )
    for name in ("Open Sans", "Roboto", "Ubuntu", "Lato"):
        html = mjml.compiled(MJML.replace("{rest}", f'<mj-text font-family="{name}">x</mj-text>'))
        assert "fonts.googleapis" not in html


# -- languages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "amount", "day", "direction"),
    [
        ("en", "£1,250.50", "1 March 2026", "ltr"),
        ("es", "1.250,50 GBP", "1 de marzo de 2026", "ltr"),
        ("fr", "1 250,50 £GB", "1 mars 2026", "ltr"),
        ("ar", "1,250.50 UK£", "1 مارس 2026", "rtl"),
    ],
)
def test_money_and_days_are_written_as_readers_of_a_language_do(
    locale: str, amount: str, day: str, direction: str
) -> None:
    source = mail(
        "{{ '1250.50' | money: 'GBP' }}|{{ '2026-03-01T09:00:00Z' | day }}|{{ dir }}|{{ lang }}", locale=locale
    )
    shown = plain.text_of(render(source, {}).html)
    told = re.sub("[\u00a0\u202f]", " ", re.sub("[\u200e\u200f]", "", shown)).split("|")
    assert told == [amount, day, direction, locale]


@pytest.mark.parametrize(("amount", "currency", "shown"), [("500", "JPY", "¥500"), ("1.250", "KWD", "KWD\u00a01.250")])
def test_each_currency_keeps_its_own_places(amount: str, currency: str, shown: str) -> None:
    assert liquid.fill("{{ a | money: c }}", {"a": amount, "c": currency, "lang": "en"}, markup=False) == shown


@pytest.mark.parametrize(
    "bad", ["{{ 'x' | money: 'GBP' }}", "{{ '1' | money: 'XXX' }}", "{{ '1' | money }}", "{{ 'x' | day }}"]
)
def test_what_is_no_money_and_no_day_is_refused(bad: str) -> None:
    with pytest.raises(TemplateInvalid):
        check(mail(bad))


# -- mails that people may stop ----------------------------------------------------------------------------------------


def test_a_subscription_mail_says_how_to_stop_it_with_the_readers_own_link() -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail(category="subscription"))
    assert "unsubscribe_url" in refusal.value.facts["errors"][0]["message"]
    source = mail("<p><a href='{{ unsubscribe_url }}'>Stop</a></p>", category="subscription")
    check(source)
    mine = render(source, {"name": "x"}, links=Links(unsubscribe="https://example.org/stop/mine"))
    assert 'href="https://example.org/stop/mine"' in mine.html


# -- text parts, telephones, SMS ---------------------------------------------------------------------------------------


def test_an_empty_text_part_is_taken_from_the_html() -> None:
    html = (
        "<div class='peek'>hidden</div><h1>Thank you</h1><p>For <b>water</b> &amp; more.<br>Truly.</p>"
        "<ul><li>one</li><li>two</li></ul><p><a href='{{ place }}'>See it</a></p><img src='https://x.org/a.png' alt='A well'>"
    )
    shown = render(mail(html, text=""), {"place": "https://example.org/a"})
    assert shown.text == (
        "Thank you\n\nFor water & more.\nTruly.\n\n- one\n\n- two\n\nSee it: https://example.org/a\n\n[A well]\n"
    )


def test_a_telephone_gets_no_more_than_it_shows() -> None:
    shown = render(short("push", text="{{ words }}", subject="{{ words }}"), {"words": "word " * 400})
    assert (len(shown.title), len(shown.body)) <= rules.LIMITS["push"]
    assert shown.title.endswith("…")
    told = render(short("sms", text="{{ words }}"), {"words": "a" * 5_000})
    assert (told.title, len(told.body)) == ("", 1_530)
    assert segments(told.body).encoding == "UCS-2"


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("ش" * 70, "UCS-2", 1),
        ("ش" * 71, "UCS-2", 2),
        ("🙏" * 35, "UCS-2", 1),
        ("🙏" * 36, "UCS-2", 2),
    ],
)
def test_an_sms_costs_what_carriers_count(text: str, encoding: str, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.count) == (encoding, count)


# -- advice ------------------------------------------------------------------------------------------------------------


def said(source: Source) -> set[tuple[str, str]]:
    return {(each.level, each.field) for each in advice.findings(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (mail(), ("warning", "preheader")),
        (mail(subject="x" * 90), ("warning", "subject")),
        (mail(subject="ALL IN CAPITALS"), ("warning", "subject")),
        (mail(subject="Act now!!"), ("warning", "subject")),
        (mail("<p>100% free for the winner</p>"), ("warning", "html")),
        (mail("<img src='https://x.org/a.png'>"), ("warning", "html")),
        (mail("<a href='#'>x</a>"), ("warning", "html")),
        (mail("<a href='http://example.org'>x</a>"), ("warning", "html")),
        (mail("<a href='https://nodomain/x'>x</a>"), ("warning", "html")),
        (mail("<a href='mailto:nobody'>x</a>"), ("warning", "html")),
        (mail("{{ words }}" * 6, variables=(NAME, LONG, PLACE)), ("warning", "html")),
        (mail("<a href='{{ place }}'>x</a>", text="no link"), ("warning", "text")),
        (mail("{{ nope }}"), ("error", "html")),
        (mail(text="{{ name | nofilter }}"), ("error", "text")),
        (mail(category="subscription"), ("error", "html")),
        (short("sms"), ("note", "text")),
        (short("sms", text="long " * 120), ("warning", "text")),
        (short("push", text="long " * 120), ("warning", "text")),
        (short("push", subject=""), ("error", "subject")),
        (short("in_app", action="mailto:x@y.org"), ("error", "action")),
    ],
)
def test_advice_names_the_field_and_how_bad_it_is(source: Source, expected: tuple[str, str]) -> None:
    assert expected in said(source)


def test_sound_words_get_no_warning() -> None:
    source = mail("<p>{{ name }}, {{ words }} <a href='{{ place }}'>Your gift</a></p>", preheader="Thank you", text="")
    assert said(source) == set()


@pytest.mark.parametrize("kind", sorted(rules.KINDS))
def test_awkward_data_fits_its_declaration(kind: str) -> None:
    sample = {"id": "6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01", "url": "https://example.org/"}
    sample |= {"day": "2026-03-01", "word": "monthly"}
    samples: dict[str, Any] = {**sample, "groups": [{"title": "x", "entries": []}]}
    assert rules.KINDS.keys() >= samples.keys()
    one = (Variable("v", kind, samples.get(kind, "1")),)
    assert rules.misfits(one, rules.awkward(one)) == []


def test_masked_data_keeps_its_shape_and_nobodys_name() -> None:
    variables = (NAME, Variable("lines", "lines", []), Variable("amount", "amount", "1.00"))
    shown = rules.masked(variables, {"name": "Ruth Okafor", "lines": ["Ada", "Ben"], "amount": "25.00"})
    assert shown == {"name": "•••• ••••••", "lines": ["•••", "•••"], "amount": "25.00"}


def test_a_mail_that_cannot_be_stopped_holds_no_link_that_says_so() -> None:
    source = mail("<p>x{% if unsubscribe_url != '' %}<a href='{{ unsubscribe_url }}'>Stop</a>{% endif %}</p>")
    assert "Stop" not in render(source, {}, links=Links(unsubscribe="https://example.org/stop/mine")).html


def test_a_slip_of_the_pen_is_answered_with_what_was_meant() -> None:
    with pytest.raises(TemplateInvalid) as refusal:
        check(mail("{{ recipent_name }}"))
    assert refusal.value.facts["errors"][0]["message"] == "recipent_name is not declared; did you mean recipient_name?"
