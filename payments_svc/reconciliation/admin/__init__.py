"""Reconciliation's desk: runs with their summary, the queue of breaks, payouts to our bank, and what must hold."""

from payments_svc.reconciliation.admin import bank_payouts, breaks, invariants, runs

__all__ = ["bank_payouts", "breaks", "invariants", "runs"]
