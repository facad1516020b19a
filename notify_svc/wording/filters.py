"""What templates may do to a value besides Liquid's own filters: write money and days as people of their language do."""

from __future__ import annotations

import re
from copy import copy
from datetime import datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from liquid import RenderContext
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context

from bh_sdk.errors import BHError
from bh_sdk.money import Money

# Whose dates the house's English writes: 1 March 2026, not March 1, 2026.
_DAYS = {"en": "en-GB"}


@with_context
def money(amount: object, code: object = "", *, context: RenderContext) -> str:
    """`"1250.5" | money: "GBP"` is £1,250.50 in English and 1 250,50 £GB in French; JPY has no pence and KWD three."""
    try:
        exact = Money.parse(str(amount), str(code))
    except BHError as error:
        raise FilterArgumentError(f"money: {error.detail}", token=None) from error
    places = len(exact.decimal.partition(".")[2])
    locale = Locale.parse(_lang(context), sep="-")
    pattern = copy(locale.currency_formats["standard"])
    # How many digits a currency has is what Stripe and the ledger say, not what CLDR says.
    pattern.frac_prec = (places, places)
    text = str(pattern.apply(Decimal(exact.decimal), locale, currency=exact.code, currency_digits=False))
    # A currency without a sign of its own keeps its code, and a code keeps its distance: KWD 1.250.
    return re.sub(rf"(?<={exact.code})(?=\d)|(?<=\d)(?={exact.code})", "\u00a0", text)


@with_context
def day(value: object, *, context: RenderContext) -> str:
    """`"2026-03-01T09:00:00Z" | day` is 1 March 2026, 1 de marzo de 2026, 1 mars 2026."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise FilterArgumentError("day: not an ISO date", token=None) from error
    lang = _lang(context)
    return format_date(when.date(), "long", locale=Locale.parse(_DAYS.get(lang, lang), sep="-"))


def _lang(context: RenderContext) -> str:
    return str(context.resolve("lang", token=None, default="en"))
