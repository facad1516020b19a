"""The desk of scores: what they are made of, why they are not higher, and how they came here. Nobody edits one."""

from trust_svc.scoring.admin import proofs, scores

__all__ = ["proofs", "scores"]
