"""What the desk of parameter sets refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Invalid


class ParametersInvalid(Invalid):
    code, title = "parameters_invalid", "These are no parameters the engine can work with"


class SameNumbers(Conflict):
    code, title = "parameters_same_numbers", "There is a set with exactly these numbers already"


class SetNotThere(Conflict):
    code, title = "parameters_wrong_state", "This cannot be done with the set as it is now"


class DryRunMissing(Conflict):
    code, title = "parameters_dry_run_missing", "Run it dry against the live set first"


class DryRunActive(Conflict):
    code, title = "parameters_dry_run_active", "A dry run of this set is under way"


class DryRunOver(Conflict):
    code, title = "parameters_dry_run_over", "The dry run is over already"


class ProposalOpen(Conflict):
    code, title = "parameters_proposal_open", "A promotion waits to be decided already"


class NoProposal(Conflict):
    code, title = "parameters_no_proposal", "No promotion of this set waits to be decided"


class ProposalStale(Conflict):
    code, title = "parameters_proposal_stale", "Another set went live meanwhile: decline this one and propose it anew"


class TrialRunning(Conflict):
    code, title = "parameters_trial_running", "An experiment runs: stop it first"


class NoTrial(Conflict):
    code, title = "parameters_no_trial", "No experiment runs with this set"


class NothingBefore(Conflict):
    code, title = "parameters_nothing_before", "No set was live before this one"


class CalibrationActive(Conflict):
    code, title = "parameters_calibration_active", "A calibration of this set is under way"
