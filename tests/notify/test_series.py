"""The same words for many readers are, to the letter, what each would have got alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notify_svc.wording import rendering, rules
from notify_svc.wording.rendering import Links, Source
from notify_svc.wording.seeds import seeds
from notify_svc.wording.series import Series

MAILS = {seed.type: seed.source for seed in seeds() if seed.source.channel == "email"}
NEWS = MAILS["campaign_update"]
DATA = rules.samples(NEWS.variables)
NAMES = st.sampled_from(
    ["", "Ruth", "Ruth Adler", "Jean-Luc Ünal", "O'Brien", "Tom & Jerry", "<b>x</b>", "a  b", "ש רות", "{{ subject }}"]
) | st.text(max_size=70)
LINKS = st.sampled_from(
    [
        Links(),
        Links("https://n.example/stop/AbC_d-9", "https://n.example/choose/x"),
        Links("", "http://127.0.0.1:8002/api/v1/p/abc"),
        Links("https://n.example/stop?a=1&b=2", "javascript:alert(1)"),
    ]
)
READERS = st.lists(st.tuples(NAMES, LINKS), min_size=2, max_size=5)


def alike(source: Source, data: dict[str, Any], readers: list[tuple[str, Links]]) -> None:
    series = Series(source, data)
    for name, links in readers:
        assert series.render(recipient_name=name, links=links) == rendering.render(
            source, data, recipient_name=name, links=links
        )


@given(type=st.sampled_from(sorted(MAILS)), readers=READERS)
@settings(max_examples=60, deadline=None)
def test_every_mail_that_ships_is_written_the_same_to_many_as_to_one(
    type: str, readers: list[tuple[str, Links]]
) -> None:
    alike(MAILS[type], rules.samples(MAILS[type].variables), readers)


def saying(words: str, **more: Any) -> Source:
    return replace(NEWS, html=f"<p>{words}</p>", **more)


# Each does something with a reader's own value that marks in its place would get wrong.
TRICKS = [
    saying("{{ recipient_name | upcase }}"),
    saying("{{ recipient_name | truncate: 6 }}{{ recipient_name | size }}"),
    saying('{% if recipient_name == "Ruth" %}You!{% endif %}'),
    saying("{% if recipient_name == campaign_title %}You!{% endif %}"),
    saying("{{ unsubscribe_url | url_encode }} {{ preferences_url | size }}"),
    saying("{{ subject | upcase }}", subject="For {{ recipient_name }}"),
    saying("{{ subject }}", subject="{{ recipient_name }} " * 40),
    saying("{{ preheader | truncate: 8 }}", preheader="For {{ recipient_name }}"),
    saying("words", layout_html="<html><body>{{ content | truncate: 12 }}</body></html>"),
    saying("words", text="{{ recipient_name }}", layout_text="{{ content | upcase }}"),
    saying('{% case recipient_name %}{% when "Ruth" %}You{% else %}They{% endcase %}'),
    saying('{% block "button", label: recipient_name, link: unsubscribe_url %}'),
    saying("{% for one in recipient_name %}{{ one }}{% endfor %}"),
    saying('{% unless recipient_name != "" %}Nobody{% endunless %}{{- recipient_name -}}'),
    saying('<a href="{{ unsubscribe_url }}">{{ unsubscribe_url }}</a> <a href="{{ preferences_url }}">here</a>'),
]


@pytest.mark.parametrize("source", TRICKS)
@given(readers=READERS)
@example(readers=[("Ruth", Links()), ("Ruth", Links()), ("Bartholomew", Links())])
@settings(max_examples=12, deadline=None)
def test_words_that_look_at_their_reader_are_written_for_each(source: Source, readers: list[tuple[str, Links]]) -> None:
    alike(source, DATA, readers)


def test_what_a_stranger_writes_never_passes_for_a_mark() -> None:
    data = DATA | {"update_content": "mark" + "0" * 24 + " https://mark" + "f" * 24}
    alike(NEWS, data, [("Ruth", Links("https://n.example/a", "https://n.example/b"))] * 3)


@pytest.mark.parametrize("type", sorted(MAILS))
def test_every_mail_that_ships_can_be_written_once_for_many(type: str) -> None:
    source = MAILS[type]
    marked = Series(source, rules.samples(source.variables))._mark(True, source.category in rules.STOPPABLE, True)
    assert marked is not None
    mail = marked.fill("Ruth", Links("https://n.example/stop", "https://n.example/choose"))
    assert "https://n.example/choose" in mail.html
