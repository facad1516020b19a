"""Money: a decimal string on the wire, integer minor units inside, exact or refused.

Minor units follow ISO 4217 (GBP 25.00 is 2500, JPY 500 is 500, KWD 1.250 is 1250). Stripe counts some currencies
differently (docs.stripe.com/currencies); `Money.stripe_amount` and `Money.from_stripe` are the only places that know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import total_ordering

from bh_sdk.errors import AmountInvalid, CurrencyMismatch, CurrencyUnknown

# Bounded so that no sum of money can overflow a 64-bit column.
MAX_MINOR = 10**15 - 1
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """`exponent` is ISO 4217's number of decimals, `stripe_exponent` what Stripe's integer means, and every amount sent
    to Stripe is a multiple of `stripe_step` of Stripe's units."""

    code: str
    exponent: int
    stripe_exponent: int
    stripe_step: int = 1


# The currencies Stripe can charge, by what their amounts look like.
_TWO_DECIMALS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP
    CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS
    KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SZL THB TJS TOP TRY TTD TWD TZS
    UAH USD UYU UZS WST XCD YER ZAR ZMW
"""
_NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD JOD KWD OMR TND"


def _currencies() -> dict[str, Currency]:
    table = {code: Currency(code, 2, 2) for code in _TWO_DECIMALS.split()}
    table |= {code: Currency(code, 0, 0) for code in _NO_DECIMALS.split()}
    # Stripe takes three decimals and the last digit must be 0.
    table |= {code: Currency(code, 3, 3, 10) for code in _THREE_DECIMALS.split()}
    # ISO has no decimals; Stripe kept two for compatibility, and the last two digits must be 00.
    table |= {code: Currency(code, 0, 2, 100) for code in ("ISK", "UGX")}
    # ISO gives the ariary two decimals; Stripe counts whole ones.
    table["MGA"] = Currency("MGA", 2, 0)
    return dict(sorted(table.items()))


CURRENCIES: dict[str, Currency] = _currencies()


def currency(code: str) -> Currency:
    """The currency of an upper-case ISO 4217 code. Raises CurrencyUnknown."""
    try:
        return CURRENCIES[code]
    except (KeyError, TypeError):
        raise CurrencyUnknown(f"{code!r} is not a currency that we know", currency=str(code)[:8]) from None


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` units (ISO) of the currency `code`. Only amounts of one currency add up or compare."""

    minor: int
    code: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise AmountInvalid("minor units are whole numbers")
        if abs(self.minor) > MAX_MINOR:
            raise AmountInvalid("the amount is too large", currency=self.code)
        currency(self.code)

    @classmethod
    def parse(cls, amount: str, code: str) -> Money:
        """Read a decimal string in major units (`"25.00"`, `"500"`). No sign, exponent, grouping or lost precision."""
        kind = currency(code)
        match = _DECIMAL.fullmatch(amount) if isinstance(amount, str) else None
        if match is None:
            raise AmountInvalid('an amount is a decimal string such as "25.00"', currency=code)
        whole, fraction = match[1], match[2] or ""
        if len(fraction.rstrip("0")) > kind.exponent:
            raise AmountInvalid(f"{code} has {kind.exponent} decimals", currency=code)
        return cls(int(whole + fraction[: kind.exponent].ljust(kind.exponent, "0")), code)

    @classmethod
    def from_stripe(cls, amount: int, code: str) -> Money:
        """Read Stripe's integer, with Stripe's exponent. Stripe's codes are lower case."""
        kind = currency(code.upper())
        minor, rest = divmod(amount * 10**kind.exponent, 10**kind.stripe_exponent)
        if rest:
            raise AmountInvalid(f"{kind.code} {amount} at Stripe is no whole number of minor units", currency=kind.code)
        return cls(minor, kind.code)

    def stripe_amount(self) -> int:
        """Stripe's integer for this amount. Raises AmountInvalid when Stripe has no such amount (KWD 1.255)."""
        kind = currency(self.code)
        if self.minor % self.chargeable_step:
            step = Money(self.chargeable_step, self.code).decimal
            raise AmountInvalid(f"{self.code} is charged in steps of {step}", currency=self.code, step=step)
        return int(self.minor * 10**kind.stripe_exponent // 10**kind.exponent)

    @property
    def chargeable_step(self) -> int:
        """The smallest difference between two amounts that Stripe can charge, in minor units."""
        kind = currency(self.code)
        return int(max(1, kind.stripe_step * 10**kind.exponent // 10**kind.stripe_exponent))

    @property
    def decimal(self) -> str:
        """The wire form: `"25.00"`, `"500"`, `"1.250"`."""
        exponent = currency(self.code).exponent
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor)).rjust(exponent + 1, "0")
        return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)

    def as_decimal(self) -> Decimal:
        """For reports and templates that calculate in major units."""
        return Decimal(self.decimal)

    def __str__(self) -> str:
        return f"{self.decimal} {self.code}"

    def _same(self, other: Money) -> int:
        if other.code != self.code:
            raise CurrencyMismatch(f"{self.code} and {other.code} do not add up", currency=self.code)
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.code)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.code)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.code)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0
