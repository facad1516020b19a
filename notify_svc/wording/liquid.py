"""The template language: Liquid over plain data, with few tags, few filters and hard limits.

Staff write templates and strangers write the data, so neither may reach an object, a loader, a clock or much memory.
Markup escapes every value; plain does not, because a subject or a text part is no HTML. Only markup knows blocks, and
blocks know none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.builtin import content, illegal, output
from liquid.builtin.filters import array, misc, string
from liquid.builtin.tags import case_tag, comment_tag, for_tag, if_tag, inline_comment_tag, unless_tag
from liquid.exceptions import LiquidError
from liquid.tag import Tag

from notify_svc.wording import blocks, filters, rules
from notify_svc.wording.errors import TemplateInvalid

MAX_SOURCE = 100_000
TAGS: tuple[type[Tag], ...] = (
    content.Literal,
    output.Output,
    illegal.Illegal,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
)
# Nothing here grows faster than its input: `replace`, `split` and assignment would, once they are chained.
FILTERS: dict[str, Callable[..., Any]] = {
    "append": string.append,
    "capitalize": string.capitalize,
    "default": misc.default,
    "downcase": string.downcase,
    "first": array.first,
    "last": array.last,
    "newline_to_br": string.newline_to_br,
    "size": misc.size,
    "strip": string.strip,
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
    "upcase": string.upcase,
    "url_encode": string.url_encode,
    "money": filters.money,
    "day": filters.day,
}


class _Restricted(Environment):
    block_nesting_limit = 10
    context_depth_limit = 10
    loop_iteration_limit = 1_000
    local_namespace_limit = 10_000
    output_stream_limit = 300_000

    tags_allowed: ClassVar[tuple[type[Tag], ...]] = TAGS

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in self.tags_allowed:
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, function)


BLOCK = _Restricted(undefined=StrictUndefined, autoescape=True)


class _WithBlocks(_Restricted, blocks.WithBlocks):
    tags_allowed = (*TAGS, blocks.BlockTag)
    inner = BLOCK


MARKUP = _WithBlocks(undefined=StrictUndefined, autoescape=True)
PLAIN = _Restricted(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=512)
def parse(source: str, *, markup: bool) -> BoundTemplate:
    """Parse a template source. Raises TemplateInvalid with the line and what is wrong."""
    if len(source) > MAX_SOURCE:
        raise TemplateInvalid(f"a template may hold {MAX_SOURCE:,} characters")
    try:
        return (MARKUP if markup else PLAIN).from_string(source)
    except (LiquidError, RecursionError, ValueError) as error:
        raise TemplateInvalid(_say(error)) from error


def fill(source: str, data: Mapping[str, Any], *, markup: bool) -> str:
    """Render a source over plain data. Raises TemplateInvalid: an undefined variable, a limit, a filter that cannot."""
    try:
        return parse(source, markup=markup).render(**data)
    except (LiquidError, RecursionError, ValueError, ArithmeticError) as error:
        raise TemplateInvalid(_say(error)) from error


def variables_of(source: str, *, markup: bool) -> frozenset[str]:
    """The names a source reads from its data; loop variables are its own."""
    return frozenset(parse(source, markup=markup).global_variables())


def parameters(block: str) -> frozenset[str]:
    """What a block has to be given. Raises TemplateInvalid."""
    try:
        found = BLOCK.from_string(block).global_variables()
    except (LiquidError, RecursionError, ValueError) as error:
        raise TemplateInvalid(_say(error)) from error
    return frozenset(found) - rules.SUPPLIED - rules.FRAMED


def _say(error: BaseException) -> str:
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    token = getattr(error, "token", None)
    if token is None or token.start_index < 0:
        return str(message)
    return f"line {token.source.count(chr(10), 0, token.start_index) + 1}: {message}"
