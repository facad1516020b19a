"""The database keeps rates apart in time, keeps what has begun, and starts with the rates of the day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db import migrations

from bh_sdk.money import CURRENCIES, Money
from bh_sdk.server.access import seed_policies
from payments_svc.policies import PRICING

# Ranges need no extension to exclude each other, so kind and currency become a range of one number: exact, no hash.
GUARD = """
CREATE FUNCTION payments_pricing_lane(kind text, currency text) RETURNS int8range LANGUAGE sql IMMUTABLE AS $$
    SELECT int8range(lane, lane, '[]') FROM (
        SELECT (CASE kind WHEN 'processing' THEN 0 ELSE 1 END)::int8 << 32
             | ascii(substr(currency, 1, 1))::int8 << 16
             | ascii(substr(currency, 2, 1))::int8 << 8
             | ascii(substr(currency, 3, 1))::int8) AS numbered(lane)
$$;
ALTER TABLE payments_pricing_feerate ADD CONSTRAINT fee_rate_one_at_a_time EXCLUDE USING gist (
    payments_pricing_lane(kind, currency) WITH &&, tstzrange(valid_from, valid_until) WITH &&
);
ALTER TABLE payments_pricing_feerate ADD CONSTRAINT fee_rate_of_something CHECK (
    kind IN ('processing', 'platform') AND (currency = '' OR currency ~ '^[A-Z]{3}$')
);

CREATE FUNCTION payments_pricing_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.valid_from <= now() THEN
            RAISE EXCEPTION 'a rate that has begun is never deleted' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.kind, NEW.currency, NEW.basis_points, NEW.fixed, NEW.valid_from, NEW.created_by, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.currency, OLD.basis_points, OLD.fixed, OLD.valid_from, OLD.created_by, OLD.created_at) THEN
        RAISE EXCEPTION 'a rate does not change: plan another one' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.valid_until IS DISTINCT FROM OLD.valid_until
       AND (coalesce(OLD.valid_until, 'infinity') <= now() OR coalesce(NEW.valid_until, 'infinity') <= now()) THEN
        RAISE EXCEPTION 'the end of a rate moves only while it is to come' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fee_rate_kept BEFORE UPDATE OR DELETE ON payments_pricing_feerate
    FOR EACH ROW EXECUTE FUNCTION payments_pricing_keep();
ALTER TABLE payments_pricing_feerate ENABLE ALWAYS TRIGGER fee_rate_kept;
"""
UNGUARD = """
DROP TRIGGER fee_rate_kept ON payments_pricing_feerate;
DROP FUNCTION payments_pricing_keep();
ALTER TABLE payments_pricing_feerate DROP CONSTRAINT fee_rate_of_something;
ALTER TABLE payments_pricing_feerate DROP CONSTRAINT fee_rate_one_at_a_time;
DROP FUNCTION payments_pricing_lane(text, text);
"""

# The fixed part of Stripe's fee per charge (stripe.com/pricing) as it was when rates became rows, in major units.
FIXED = {
    "AUD": "0.30", "CAD": "0.30", "CHF": "0.30", "CZK": "6.50", "DKK": "1.80", "EUR": "0.25", "GBP": "0.20", "HKD": "2.35",
    "HUF": "85.00", "INR": "3.00", "JPY": "40", "MXN": "3.00", "MYR": "1.00", "NOK": "2.00", "NZD": "0.30", "PLN": "1.00",
    "RON": "1.00", "SEK": "1.80", "SGD": "0.50", "THB": "11.00", "USD": "0.30",
}  # fmt: skip
WHEN = datetime(2020, 1, 1, tzinfo=UTC)


def _fixed(code: str) -> int:
    if code in FIXED:
        return Money.parse(FIXED[code], code).minor
    exponent = CURRENCIES[code].exponent
    return int(30 * 10 ** (exponent - 2)) if exponent >= 2 else 40


def plant(apps: Any, schema_editor: Any) -> None:
    rates = apps.get_model("payments_pricing", "FeeRate").objects
    lines = [("processing", "", 290, 0), ("platform", "", 200, 0)]
    lines += [("processing", code, 290, _fixed(code)) for code in CURRENCIES]
    rates.bulk_create(
        rates.model(
            id=uuid5(NAMESPACE_URL, f"urn:bh:rate:{kind}:{code}"),
            kind=kind,
            currency=code,
            basis_points=basis_points,
            fixed=fixed,
            valid_from=WHEN,
            created_by="seed",
            created_at=WHEN,
        )
        for kind, code, basis_points, fixed in lines
    )


def seed(apps: Any, schema_editor: Any) -> None:
    seed_policies(apps, schema_editor, PRICING)


class Migration(migrations.Migration):
    dependencies = [("payments_pricing", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(plant, migrations.RunPython.noop),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
