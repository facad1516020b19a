"""The payouts desk: what waits for whom, why it is safe to approve, and what became of it. Money moves only through the
commands."""

from payments_svc.payouts.admin import accounts, holds, payouts

__all__ = ["accounts", "holds", "payouts"]
