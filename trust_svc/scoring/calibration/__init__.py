"""Scores of history and numbers fitted to decided cases: facts from a file (or the database), labels, one parameter set.

lines.read ──▶ Population ──assess──▶ rows, scores ──fit──▶ Params + report
"""
