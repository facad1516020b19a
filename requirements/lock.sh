#!/usr/bin/env bash
# Locks every dependency with its hashes, for Python 3.11 to 3.13 on every platform, without naming any package index.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { # OUTPUT, then the arguments that name what to lock
  local output=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-annotate --custom-compile-command "make lock" --output-file "$output" "$@"
}
lock requirements/services.txt pyproject.toml --extra services
lock requirements/dev.txt pyproject.toml --extra services --group dev
