#!/usr/bin/env bash
# Installs hookctl from the checkout of this action, unless the cache has brought it. Touches nothing else: neither the
# checkout nor the workspace, and no Python but its own.
set -euo pipefail

if "$HOOKCTL_HOME/bin/hookctl" --version 2>/dev/null; then
  exit
fi
# what the cache has brought does not run
rm -rf "$HOOKCTL_HOME"

source=$(mktemp -d "$RUNNER_TEMP/hookctl-source.XXXXXX")
finish() {
  local code=$?
  rm -rf "$source"
  [ "$code" = 0 ] || echo '::error title=hookctl::hookctl cannot be installed: the log says why'
}
trap finish EXIT
# building writes beside what it builds
cp -R "$GITHUB_ACTION_PATH"/{pyproject.toml,README.md,LICENSE,src,fixtures} "$source"

# what the job has set for Python is not meant for this one
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
"$HOOKCTL_PYTHON" -m venv "$HOOKCTL_HOME"
pip=("$HOOKCTL_HOME/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-input)
"${pip[@]}" --require-hashes -r "$GITHUB_ACTION_PATH/requirements/runtime.txt"
"${pip[@]}" --no-deps --no-build-isolation --no-index "$source"
"$HOOKCTL_HOME/bin/hookctl" --version
