#!/usr/bin/env bash
# Finds a Python, and says where hookctl goes and under which key that folder is cached.
set -euo pipefail

fail() {
  printf '::error title=hookctl::%s\n' "$1"
  exit 1
}

usable() {
  "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

[ "${RUNNER_OS:-}" != Windows ] || fail 'hookctl runs on Linux and macOS'
python=
if [ -n "${INPUT_PYTHON:-}" ]; then
  usable "$INPUT_PYTHON" || fail 'the input python is no Python 3.11 or newer'
  python=$INPUT_PYTHON
else
  # the one of the job first: actions/setup-python puts it there
  for name in python3 python python3.14 python3.13 python3.12 python3.11; do
    if usable "$name"; then
      python=$name
      break
    fi
  done
  [ -n "$python" ] || fail 'there is no Python 3.11 or newer: add a step with actions/setup-python before this one'
fi

home=$RUNNER_TEMP/hookctl
# beside the folder and not in it: what a cache has brought is of no checkout
from=$RUNNER_TEMP/hookctl.from
ready=false
# a step before this one may have installed it, or another commit of it
if [ "$(cat "$from" 2>/dev/null)" = "$GITHUB_ACTION_PATH" ] && "$home/bin/hookctl" --version >/dev/null 2>&1; then
  ready=true
else
  rm -rf "$home"
  printf '%s\n' "$GITHUB_ACTION_PATH" >"$from"
fi
{
  printf 'python=%s\n' "$("$python" -I -c 'import sys; print(sys.executable)')"
  printf 'home=%s\n' "$home"
  printf 'ready=%s\n' "$ready"
  printf 'key=%s\n' "$("$python" -I "$GITHUB_ACTION_PATH/action/key.py" "$GITHUB_ACTION_PATH" "$home")"
} >>"$GITHUB_OUTPUT"
