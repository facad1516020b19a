"""`{% block "button", label: "See your gift", link: gift_url %}`: a piece of markup that belongs to the layout.

A block sees what it is given and what the renderer supplies, and uses no other block. Its source comes with the layout
that the version names, so that a block that changes later changes no mail that was written before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TextIO, cast

from liquid import BoundTemplate, Environment, Node, RenderContext, Token, TokenStream
from liquid.builtin.expressions import KeywordArgument, StringLiteral, parse_primitive
from liquid.exceptions import LiquidSyntaxError, LiquidValueError
from liquid.expression import Expression
from liquid.tag import Tag
from liquid.token import TOKEN_TAG

# No name that a template could write: variables begin with a letter.
KEY = "__blocks"


class WithBlocks(Environment):
    """A language that knows blocks; `inner` is the one they are written in."""

    inner: Environment


class Use(Node):
    """One use of a block: its name and what it is given."""

    __slots__ = ("args", "name")

    def __init__(self, token: Token, name: str, args: list[KeywordArgument]) -> None:
        super().__init__(token)
        self.name = name
        self.args = args
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        sources = context.resolve(KEY, token=None, default={})
        if self.name not in sources:
            raise LiquidValueError(f"there is no block {self.name!r}", token=self.token)
        template = _parsed(cast(WithBlocks, context.env).inner, sources[self.name])
        given = {arg.name: arg.value.evaluate(context) for arg in self.args}
        inner = context.copy(given, carry_loop_iterations=True, template=template)
        template.render_with_context(inner, buffer, partial=True, block_scope=True)
        return True

    def expressions(self) -> Iterable[Expression]:
        yield from (arg.value for arg in self.args)


class BlockTag(Tag):
    name = "block"
    block = False
    node_class = Use

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=False)
        name = parse_primitive(self.env, tokens)
        if not isinstance(name, StringLiteral):
            raise LiquidSyntaxError('a block is named in quotes: {% block "button" %}', token=token)
        args = KeywordArgument.parse(self.env, tokens)
        tokens.expect_eos()
        return self.node_class(token, str(name.value), args)


@lru_cache(maxsize=256)
def _parsed(language: Environment, source: str) -> BoundTemplate:
    return language.from_string(source)


def uses(template: BoundTemplate) -> Iterator[Use]:
    """Every use of a block in a template."""
    context = RenderContext(template)
    waiting = list(template.nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Use):
            yield node
        waiting.extend(node.children(context, include_partials=False))
