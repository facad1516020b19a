"""Which amounts Stripe accepts, what it charges for them, and how it writes them.

Sources: "Supported currencies" (docs.stripe.com/currencies: minor units, zero-decimal and three-decimal currencies,
special cases, minimum and maximum charge amounts), "Pricing" (stripe.com/pricing: 2.9 % and a fixed part).
"""

from __future__ import annotations

from .errors import invalid


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_SUPPORTED = _words(
    """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf
    idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop
    mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd
    scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg
    xof xpf yer zar zmw"""
)
_ZERO_DECIMAL = _words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
_THREE_DECIMAL = _words("bhd jod kwd omr tnd")
# Zero-decimal money that is still written with two decimals at the API, so the last two digits are 00.
_WHOLE_HUNDREDS = frozenset({"isk", "ugx"})

_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_MAXIMUM = 99_999_999
_SIGN = {"usd": "$", "aud": "$", "cad": "$", "nzd": "$", "sgd": "$", "hkd": "$", "gbp": "£", "eur": "€", "jpy": "¥"}

_RATE_PER_MILLE = 29
_FIXED = {
    "usd": 30, "cad": 30, "aud": 30, "nzd": 30, "chf": 30, "eur": 25, "gbp": 20, "sgd": 50, "hkd": 235,
    "dkk": 180, "nok": 200, "sek": 180, "jpy": 0, "krw": 0, "pln": 100, "czk": 650, "huf": 8500, "ron": 100,
    "bgn": 50, "mxn": 300, "brl": 39, "inr": 200, "myr": 100, "thb": 1000, "aed": 100, "kwd": 100, "bhd": 120,
    "jod": 210, "omr": 120, "tnd": 930, "isk": 4000, "ugx": 0,
}  # fmt: skip
_DISPUTE_FEE = {"usd": 1500, "cad": 1500, "aud": 2500, "gbp": 2000, "eur": 2000, "jpy": 1300, "chf": 2000}


def check(amount: int, currency: str, name: str = "amount") -> None:
    """Refuse what Stripe refuses of a charge in this currency."""
    if currency in _THREE_DECIMAL and amount % 10:
        raise invalid(
            f"Invalid {name}: amounts in {currency.upper()} must be rounded to the nearest ten: the least-significant "
            "digit must be 0.", name, "parameter_invalid_integer",
        )  # fmt: skip
    if currency in _WHOLE_HUNDREDS and amount % 100:
        raise invalid(
            f"Invalid {name}: {currency.upper()} is a zero-decimal currency that is written with two decimals: the "
            "amount must be evenly divisible by 100.", name, "parameter_invalid_integer",
        )  # fmt: skip
    least = _MINIMUM.get(currency, 1)
    if amount < least:
        raise invalid(f"Amount must be at least {written(least, currency)}", name, "amount_too_small")
    if amount > _MAXIMUM:
        raise invalid(f"Amount must be no more than {written(_MAXIMUM, currency)}", name, "amount_too_large")


def known(currency: str, name: str = "currency") -> str:
    """The currency in lower case, or refused."""
    lower = currency.lower()
    if lower not in _SUPPORTED:
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(_SUPPORTED))}",
            name,
        )
    return lower


def fee(amount: int, currency: str) -> int:
    """2.9 % and the currency's fixed part, rounded half up, in minor units; never more than the amount."""
    share = (amount * _RATE_PER_MILLE * 2 + 1000) // 2000
    if currency in _WHOLE_HUNDREDS:
        share = (share + 50) // 100 * 100
    if currency in _THREE_DECIMAL:
        share = (share + 5) // 10 * 10
    return min(share + _FIXED.get(currency, 30), amount)


def dispute_fee(currency: str) -> int:
    """What a dispute costs, in minor units."""
    return _DISPUTE_FEE.get(currency, 0 if currency in _ZERO_DECIMAL | _WHOLE_HUNDREDS else 1500)


def written(amount: int, currency: str) -> str:
    """The amount as Stripe's messages write it: "$0.50 usd"."""
    return f"{plainly(amount, currency)} {currency}"


def plainly(amount: int, currency: str) -> str:
    """The amount with its sign: "$10.00", "¥500"."""
    places = 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2
    whole, part = divmod(amount, 10**places)
    digits = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    return f"{_SIGN.get(currency, '')}{digits}"
