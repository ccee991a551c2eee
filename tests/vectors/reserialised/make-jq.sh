#!/bin/sh
# Prints what jq writes again, a JSON line for each: `sh make-jq.sh < originals.json > jq.jsonl`.
# null is written where jq reads no JSON.
set -eu

originals=$(cat)

# written STYLE OPTION...: each original through jq with these options
written() {
  style=$1
  shift
  count=$(printf %s "$originals" | jq length)
  index=0
  while [ "$index" -lt "$count" ]; do
    printf %s "$originals" | jq -j ".[$index].body" | { jq "$@" . 2>/dev/null || printf ''; } | jq -Rsc \
      --arg style "$style" --arg name "$(printf %s "$originals" | jq -r ".[$index].name")" \
      '{style: $style, name: $name, text: (if . == "" then null else . end)}'
    index=$((index + 1))
  done
}

written 'jq'
written 'jq -c' -c
written 'jq --tab' --tab
written 'jq -S' -S
