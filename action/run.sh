#!/usr/bin/env bash
# Runs one hookctl command. Its output reaches the log with workflow commands stopped, whatever is in it; when it fails,
# one annotation says so.
set -euo pipefail

python=$HOOKCTL_HOME/bin/python
action=$GITHUB_ACTION_PATH/action
folder=$(mktemp -d "$RUNNER_TEMP/hookctl-run.XXXXXX")
trap 'rm -rf "$folder"' EXIT
log=$folder/log
: >"$log"

# of what was not even tried: as hookctl tells a wrong command line
wrong() {
  printf 'error: %s\n' "$1" | tee "$log"
  "$python" -I "$action/tell.py" "$INPUT_COMMAND" 2 "$log"
  exit 2
}

# GitHub masks what comes from a secret of the repository; what comes from elsewhere is masked here
mask() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line//'%'/%25}
    line=${line//$'\r'/%0D}
    [ -z "${line//[[:space:]]/}" ] || printf '::add-mask::%s\n' "$line"
  done <<<"$1"
}

case $INPUT_COMMAND in
  '' | -* | *[!a-z-]*) wrong 'the input command is one word: check, send, verify, listen, ...' ;;
  send | verify | check) reports=true ;;
  *) reports=false ;;
esac

arguments=("$INPUT_COMMAND")
if [ -n "$INPUT_TARGET" ]; then
  case $INPUT_TARGET in
    # it could start a program
    -*) wrong 'the input target is a URL or a port, and no option' ;;
  esac
  case $INPUT_COMMAND in
    check) arguments+=("$INPUT_TARGET") ;;
    send) arguments+=(--to "$INPUT_TARGET") ;;
    *) wrong "the input target is for check and send: $INPUT_COMMAND takes what it needs in args" ;;
  esac
fi
[ -z "$INPUT_PROVIDER" ] || arguments+=(--provider "$INPUT_PROVIDER")
if [ -n "$INPUT_START" ] && [ "$INPUT_COMMAND" = send ] && [ -z "$INPUT_WAIT_FOR" ]; then
  # before the arguments of the step, so that a --wait among them counts
  arguments+=(--wait 60)
fi
while IFS= read -r line || [ -n "$line" ]; do
  line=${line%$'\r'}
  [ -z "$line" ] || arguments+=("$line")
  case $line in
    # nothing happens there that could be reported
    --help | -h | --list | --dry-run | --watch | --watch=*) reports=false ;;
  esac
done <<<"$INPUT_ARGS"
if [ -n "$INPUT_JUNIT$INPUT_JSON" ]; then
  [ "$reports" = true ] || wrong 'the inputs junit and json are for a run of send, verify or check'
  [ -z "$INPUT_JUNIT" ] || arguments+=(--report "junit=$INPUT_JUNIT")
  [ -z "$INPUT_JSON" ] || arguments+=(--report "json=$INPUT_JSON")
fi
if [ "$reports" = true ]; then
  case " ${arguments[*]} " in
    *' --report github '* | *' --report=github '*) ;;
    *) arguments+=(--report github) ;;
  esac
fi

run=("$HOOKCTL_HOME/bin/hookctl")
if [ -n "$INPUT_START" ] && [ "$INPUT_COMMAND" = check ]; then
  arguments+=(--start "$INPUT_START")
  [ -z "$INPUT_WAIT_FOR" ] || arguments+=(--wait-for "$INPUT_WAIT_FOR")
elif [ -n "$INPUT_START" ]; then
  [ -n "$INPUT_WAIT_FOR" ] || [ "$INPUT_COMMAND" = send ] \
    || wrong "with start, $INPUT_COMMAND needs wait-for: where the app answers once it is ready"
  export HOOKCTL_START=$INPUT_START
  run=("$python" -I "$action/with_app.py" "$INPUT_WAIT_FOR" "${run[@]}")
elif [ -n "$INPUT_WAIT_FOR" ]; then
  wrong 'the input wait-for goes with start'
fi

if [ -n "$INPUT_SECRET$INPUT_PREVIOUS_SECRET" ]; then
  [ -n "$INPUT_SECRET_VARIABLE" ] || INPUT_SECRET_VARIABLE=$("$python" -I "$action/variable.py" "$INPUT_PROVIDER")
  case $INPUT_SECRET_VARIABLE in
    '' | [0-9]* | *[!A-Za-z0-9_]*) wrong 'the input secret-variable is not the name of a variable' ;;
  esac
fi
if [ -n "$INPUT_SECRET" ]; then
  mask "$INPUT_SECRET"
  export "$INPUT_SECRET_VARIABLE=$INPUT_SECRET"
fi
if [ -n "$INPUT_PREVIOUS_SECRET" ]; then
  mask "$INPUT_PREVIOUS_SECRET"
  export "${INPUT_SECRET_VARIABLE}_PREVIOUS=$INPUT_PREVIOUS_SECRET"
fi
# known under that name alone
export -n INPUT_SECRET INPUT_PREVIOUS_SECRET

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$token"
set +e
# one pipe, so that what is told comes in order
"${run[@]}" "${arguments[@]}" 2>&1 </dev/null | tee "$log"
code=${PIPESTATUS[0]}
set -e
# at the beginning of a line, to which the output may not have come; counted, since a shell's variable holds no NUL
[ ! -s "$log" ] || [ "$(tail -c 1 "$log" | wc -l)" -eq 1 ] || echo
printf '::%s::\n' "$token"

# with reports hookctl has told GitHub itself, and made sure that no other line looks like its annotation
annotation=
if [ "$reports" = true ]; then annotation=$(grep -a '^::error ' "$log" | tail -n 1 || true); fi
if [ -n "$annotation" ]; then
  printf '%s\n' "$annotation"
elif [ "$reports" = false ] || [ "$code" != 0 ]; then
  "$python" -I "$action/tell.py" "$INPUT_COMMAND" "$code" "$log"
fi
exit "$code"
