#!/usr/bin/env bash
# How many amojo webhooks one core normalizes in a second, beside a bare parse of the same bodies.
set -euo pipefail
exec build-release/bench/bench_normalize tests/fixtures/webhooks "${1:-2}"
