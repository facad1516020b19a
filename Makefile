# Everything a newcomer or a pipeline does here. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install up down status demo test check bench docs faults lock secrets token env pids clock manage

PYTHON ?= python3
BIN := .venv/bin
LOCAL := $(BIN)/python -m deploy.local
INSTALLED := .venv/.installed

export BH_STATE BH_PORT_BASE

help: ## List what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}'

install: $(INSTALLED) ## Make .venv from the hashed lock, nothing else

$(INSTALLED): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -m deploy.local.install

up: install ## Start the whole stack and stay (DETACH=1: return when it is ready)
	@$(LOCAL) up $(if $(DETACH),--detach)

down: install ## Stop the stack; the data stays
	@$(LOCAL) down

status: install ## Which programs run
	@$(LOCAL) status

demo: install ## One donation, told step by step (the stack must be up)
	@$(LOCAL) demo

test: install ## All tests
	@$(BIN)/python -m pytest $(ARGS)

check: install ## Style, types, import rules, migrations, packaging
	@$(BIN)/python -m deploy.local.check $(ARGS)

bench: install ## Measure, and compare (KEEP=1: write docs/benchmarks.md)
	@$(BIN)/python -m bench $(if $(KEEP),--keep) $(ARGS)

docs: install ## Write the generated documents again
	@$(BIN)/python -m docs.generate

faults: install ## Kill things for two minutes and count the money
	@BH_FAULTS_SECONDS=$${BH_FAULTS_SECONDS:-120} $(BIN)/python -m pytest tests/faults -s $(ARGS)

lock: install ## Resolve the dependencies anew and write the hashed locks
	@requirements/lock.sh

secrets: install ## The files that compose.yaml reads as secrets (wants STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET set)
	@$(BIN)/python -m deploy.docker.secrets

token: install ## A token: USER=<uuid> ROLE=<role>, or SERVICE=<name> AUD=<service>
	@$(LOCAL) token $(if $(USER_ASKED),--user '$(USER)' --role '$(or $(ROLE),donor)') $(if $(SERVICE),--service '$(SERVICE)' --aud '$(AUD)')

env: install ## The running stack as KEY=VALUE
	@$(LOCAL) env

pids: install ## Name and process number of every program
	@$(LOCAL) pids

manage: install ## A service's own command on the running stack: SERVICE=payments ARGS=verify_ledger
	@$(LOCAL) manage '$(or $(SERVICE),payments)' $(ARGS)

clock: install ## Read the local clock, or move it: SET=+3d, SET=0
	@$(LOCAL) clock $(if $(SET),--set='$(SET)')

# USER is also the login name in every shell; only the one on make's command line counts.
USER_ASKED := $(filter command line,$(origin USER))
