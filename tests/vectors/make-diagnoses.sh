#!/bin/sh
# Prints deliveries that something was done to, as JSON:
# `sh tests/vectors/make-diagnoses.sh > tests/vectors/diagnoses.json`.
#
# Each begins as files: `signed`, the body that is signed; `captured`, the body as it arrives, the same at first; `secret`,
# the receiver's; `previous`, the one before; `key`, the signer's. A command that is recorded with the vector changes one
# of them; openssl then signs the `content` with the `key`, and another command may change the `signature`.
set -eu

for tool in openssl node python3 php jq iconv sed base64 tr od; do
  command -v $tool >/dev/null || { echo "make-diagnoses.sh: $tool is not on the PATH" >&2; exit 127; }
done

LC_ALL=C.UTF-8
export LC_ALL
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"

hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }

separator=''

# start PROVIDER: a genuine delivery
start() {
  provider=$1
  diagnosed_as=$1
  steps=''
  time=1704067200
  tolerance=null
  rm -f previous
  printf %s 'whsec_c2lnbmluZyBzZWNyZXQ=' > secret
  cp secret key
  if [ "$provider" = arky ]; then
    header=x-arky-signature
    printf %s '{"id":"evt_abc123","event":"order.paid","timestamp":1704067200,"businessId":"biz_xyz789","data":{"order":{"id":"ord_123","status":"PAID","total":5999,"currency":"USD","items":[{"productId":"prod_456","name":"Café 1/2","quantity":2,"price":2999}],"customer":{"id":"usr_789","email":"john@example.com","firstName":"John","lastName":"Doe"}},"payment":{"id":"pay_abc","method":"stripe","amount":5999}}}' > signed
  else
    header=x-arcade-signature
    printf %s '{"type":"formSubmission.created","timestamp":"2024-02-15T15:51:12.013Z","flowId":"khM1A286JbRPxN9fxYsE","sessionId":"b8103665-e6ce-4db8-894e-f123ec49ed9c","viewerIp":"127.0.0.1","stepTitle":"Café 1/2","stepSubtitle":"Step subtitle","answers":{"User Email":{"variant":"email","value":"foo@bar.com"}}}' > signed
  fi
  cp signed captured
}

# run COMMAND: what is done to the files above, recorded
run() {
  eval "$1"
  steps=$steps${steps:+; }$1
}

# before COMMAND: the same before anything is signed or arrives, so that the capture begins as what is signed
before() {
  run "$1"
  cp signed captured
}

# seal [COMMAND]: sign; the command writes the content that is signed in place of the documented one
seal() {
  if [ "$provider" = arky ]; then { printf %s. "$time"; cat signed; } > content; else cp signed content; fi
  [ -z "${1-}" ] || run "$1"
  # openssl takes no empty key; HMAC fills a key up with NULs, so that one of a single NUL is the same (RFC 2104)
  key_hex=$(hex key)
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:${key_hex:-00}" -binary content > digest
  if [ "$provider" = arky ]; then hex digest > signature; else openssl base64 -A -in digest > signature; fi
}

quoted() { if [ -f "$1" ]; then printf '"%s"' "$(hex "$1")"; else printf null; fi; }

# vector NAME DIAGNOSIS [SECOND]
vector() {
  lines="[\"$header\", $(jq -Rs . signature)]"
  if [ "$provider" = arky ] && [ -n "$time" ]; then lines="$lines, [\"x-arky-timestamp\", \"$time\"]"; fi
  printf '%s\n  {"name": "%s", "provider": "%s", "made": %s, "headers": [%s], "tolerance_s": %s, "diagnosis": "%s", "second": %s,\n   "secret_hex": "%s", "previous_hex": %s, "signed_hex": "%s", "captured_hex": "%s"}' \
    "$separator" "$1" "$diagnosed_as" "$(printf %s "$steps" | jq -Rs .)" "$lines" "$tolerance" "$2" \
    "$(if [ -n "${3-}" ]; then printf '"%s"' "$3"; else printf null; fi)" \
    "$(hex secret)" "$(quoted previous)" "$(hex signed)" "$(hex captured)"
  separator=','
}

# changed PROVIDER NAME DIAGNOSIS COMMAND: one command between the sender and the receiver
changed() {
  start "$1"; run "$4"; seal; vector "$2" "$3"
}

# prepared PROVIDER NAME DIAGNOSIS BEFORE COMMAND: the same, with a body that one command makes before it is signed
prepared() {
  start "$1"; before "$4"; run "$5"; seal; vector "$2" "$3"
}

# dated NAME DIAGNOSIS COMMAND: Arky's, with other content
dated() {
  start arky; seal "$3"; vector "$1" "$2"
}

# written PROVIDER NAME DIAGNOSIS COMMAND: the signature is written in another way
written() {
  start "$1"; seal; run "$4"; vector "$2" "$3"
}

printf '{"made_by": "sh tests/vectors/make-diagnoses.sh", "vectors": ['

for one in arky arcade; do
  start $one; run 'cp secret previous; printf %s "the new secret" > secret'; seal
  vector 'the secret before' previous_secret

  changed $one 'JSON.stringify with 2 spaces' body_reserialised \
    "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"captured\", JSON.stringify(JSON.parse(fs.readFileSync(\"signed\")), null, 2))'"
  changed $one 'python -m json.tool, with a line end' body_reserialised 'python3 -m json.tool signed captured'
  changed $one 'jq, with a line end' body_reserialised 'jq . signed > captured'
  changed $one 'jq -S' body_reserialised 'jq -S . signed > captured'
  changed $one 'php json_encode' body_reserialised \
    "php -r 'file_put_contents(\"captured\", json_encode(json_decode(file_get_contents(\"signed\"))));'"
  prepared $one 'json.dumps was signed, JSON.stringify arrived' body_reserialised \
    "python3 -c 'import json; text = json.dumps(json.load(open(\"signed\"))); open(\"signed\", \"w\").write(text)'" \
    "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"captured\", JSON.stringify(JSON.parse(fs.readFileSync(\"signed\"))))'"
  prepared $one 'php json_encode was signed, json.dumps arrived' body_reserialised \
    "php -r 'file_put_contents(\"signed\", json_encode(json_decode(file_get_contents(\"signed\"))));'" \
    "python3 -c 'import json; text = json.dumps(json.load(open(\"signed\"))); open(\"captured\", \"w\").write(text)'"

  changed $one 'echo' trailing_newline 'echo >> captured'
  changed $one 'a CRLF at the end' trailing_newline 'printf "\r\n" >> captured'
  prepared $one 'the shell took the line end off' trailing_newline 'echo >> signed' 'printf %s "$(cat signed)" > captured'
  prepared $one 'trim() took the CRLF off' trailing_newline 'printf "\r\n" >> signed' \
    "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"captured\", fs.readFileSync(\"signed\", \"utf8\").trim())'"

  prepared $one 'LF to CRLF' newline_converted 'jq . captured > signed' "sed -z 's/\\n/\\r\\n/g' signed > captured"
  prepared $one 'CRLF to LF' newline_converted "jq . captured | sed -z 's/\\n/\\r\\n/g' > signed" "tr -d '\\r' < signed > captured"
  prepared $one 'CR to LF' newline_converted "jq . captured | tr '\\n' '\\r' > signed" "tr '\\r' '\\n' < signed > captured"

  prepared $one 'TextDecoder' bom_stripped "printf '\\357\\273\\277' > signed; cat captured >> signed" \
    "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"captured\", new TextDecoder().decode(fs.readFileSync(\"signed\")))'"
  changed $one 'an editor that adds a mark' bom_stripped "sed '1s/^/\\xEF\\xBB\\xBF/' signed > captured"

  prepared $one 'Latin-1 read as UTF-8 by Node' lossy_utf8 'iconv -f UTF-8 -t LATIN1 captured > signed' \
    "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"captured\", fs.readFileSync(\"signed\").toString())'"
  changed $one 'UTF-8 read as Latin-1' lossy_utf8 'iconv -f LATIN1 -t UTF-8 signed > captured'
  prepared $one 'UTF-8 read as Windows-1252' lossy_utf8 "sed 's/Café/€ 5/' captured > signed" \
    'iconv -f CP1252 -t UTF-8 signed > captured'
  changed $one 'written as Latin-1' lossy_utf8 'iconv -f UTF-8 -t LATIN1 signed > captured'
  prepared $one 'written as Windows-1252' lossy_utf8 "sed 's/Café/€ 5/' captured > signed" \
    'iconv -f UTF-8 -t CP1252 signed > captured'
  start $one
  run 'iconv -f UTF-8 -t LATIN1 signed > captured'
  run "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"signed\", fs.readFileSync(\"captured\").toString())'"
  seal; vector 'Node decoded it before it signed it' lossy_utf8
  start $one
  run 'iconv -f UTF-8 -t LATIN1 signed > captured; iconv -c -f UTF-8 -t UTF-8 captured > signed || true'
  seal; vector 'iconv left out what is not UTF-8 before it was signed' lossy_utf8

  written $one 'a prefix' signature_prefixed 'printf %s "sha256=$(cat signature)" > signature'
  written $one 'a version' signature_prefixed 'printf %s "v1,$(cat signature)" > signature'
  written $one 'a scheme' signature_prefixed 'printf %s "Bearer $(cat signature)" > signature'
  written $one 'upper case' signature_uppercased "printf %s \"\$(tr '[:lower:]' '[:upper:]' < signature)\" > signature"

  changed $one 'a line end after the signer'"'"'s secret' secret_trimmed 'echo >> key'
  changed $one 'a line end after the receiver'"'"'s secret' secret_trimmed 'echo >> secret'
  changed $one 'a space before the signer'"'"'s secret' secret_trimmed 'printf %s " $(cat secret)" > key'
  changed $one 'quotes round the receiver'"'"'s secret' secret_trimmed "printf '\"%s\"' \"\$(cat key)\" > secret"
  changed $one 'single quotes and a line end' secret_trimmed "printf \"'%s'\\n\" \"\$(cat key)\" > secret"
  changed $one 'the signer drops whsec_' secret_unprefixed "sed 's/^whsec_//' secret > key"
  changed $one 'the receiver drops whsec_' secret_unprefixed "sed 's/^whsec_//' key > secret"
  changed $one 'the signer decodes' secret_base64_decoded "sed 's/^whsec_//' secret | base64 -d > key"
  changed $one 'the signer decodes a bare secret' secret_base64_decoded \
    'printf %s c2lnbmluZyBzZWNyZXQ > secret; { cat secret; printf =; } | base64 -d > key'
  changed $one 'the receiver decodes' secret_base64_decoded \
    'printf %s "signing secret" > secret; base64 -w0 secret > key'
  changed $one 'no secret at all' secret_empty ': > key'
  changed $one 'the secret of the other' other_provider "printf %s 'the other secret' > key"
done

written arky 'base64' base64_for_hex 'openssl base64 -A -in digest > signature'
written arky 'base64 for URLs' base64_for_hex "openssl base64 -A -in digest | tr '+/' '-_' > signature"
written arky 'base64 for URLs, no padding' base64_for_hex "openssl base64 -A -in digest | tr '+/' '-_' | tr -d = > signature"
written arcade 'hexadecimal' hex_for_base64 "printf %s \"\$(od -An -v -tx1 digest | tr -d ' \\n')\" > signature"
header=x-arcade-signature-2
vector 'hexadecimal in the second header' hex_for_base64

dated 'the body alone' timestamp_not_signed 'cp signed content'
dated 'a template without the time' timestamp_not_signed \
  "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"content\", \`\${undefined}.\${fs.readFileSync(\"signed\")}\`)'"
dated 'null in place of the time' timestamp_not_signed \
  "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"content\", \`\${new Headers().get(\"x-arky-timestamp\")}.\${fs.readFileSync(\"signed\")}\`)'"
dated 'None in place of the time' timestamp_not_signed \
  "python3 -c 'open(\"content\", \"wb\").write(f\"{None}.\".encode() + open(\"signed\", \"rb\").read())'"
dated 'nothing in place of the time' timestamp_not_signed '{ printf .; cat signed; } > content'
start arky
time=''
seal "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"content\", \`\${undefined}.\${fs.readFileSync(\"signed\")}\`)'"
vector 'a template without the time, which is not sent either' timestamp_not_signed

dated 'whole milliseconds are signed' timestamp_in_ms '{ printf %s000. "$time"; cat signed; } > content'
dated 'exact milliseconds are signed' timestamp_in_ms '{ printf %s789. "$time"; cat signed; } > content'
start arky
time=1704067200789
seal '{ printf %s. 1704067200; cat signed; } > content'
vector 'milliseconds are sent' timestamp_in_ms
start arky
time=1704067200789
tolerance=300
seal
vector 'milliseconds are sent and signed' timestamp_in_ms

for one in arky:arcade arcade:arky; do
  start ${one%:*}
  printf %s 'the other secret' > key
  diagnosed_as=${one#*:}
  seal
  vector 'a genuine delivery of the other' other_provider
done

for one in arky arcade; do
  start $one; run 'jq . signed > captured; echo >> key'; seal
  vector 'jq, and a line end after the secret' body_reserialised secret_trimmed
  start $one; run 'echo >> captured; : > key'; seal
  vector 'echo, and no secret' trailing_newline secret_empty
  start $one; before 'jq . captured > signed'; run "sed -z 's/\\n/\\r\\n/g' signed > captured; sed 's/^whsec_//' secret > key"; seal
  vector 'LF to CRLF, and no whsec_' newline_converted secret_unprefixed
  start $one; run 'echo >> captured'; seal; run 'printf %s "sha256=$(cat signature)" > signature'
  vector 'echo, and a prefix' trailing_newline signature_prefixed
  start $one; run "sed '1s/^/\\xEF\\xBB\\xBF/' signed > captured; printf %s 'the other secret' > key"; seal
  vector 'a byte order mark, and the secret of the other' bom_stripped other_provider
  start $one; seal; run "printf %s \"sha256=\$(tr '[:lower:]' '[:upper:]' < signature)\" > signature"
  vector 'a prefix and upper case' signature_prefixed signature_uppercased
  start $one; run "jq . signed | sed '1s/^/\\xEF\\xBB\\xBF/' > captured"; seal
  vector 'jq, and then a byte order mark' bom_stripped body_reserialised
done
start arky; run 'jq . signed > captured'; seal 'cp signed content'
vector 'jq, and no time' body_reserialised timestamp_not_signed
start arky; run 'echo >> captured'; seal '{ printf %s000. "$time"; cat signed; } > content'
vector 'echo, and milliseconds' trailing_newline timestamp_in_ms
start arky; run 'echo >> key'; seal '{ printf undefined.; cat signed; } > content'
vector 'no time, and a line end after the secret' timestamp_not_signed secret_trimmed
start arky; time=''; run 'echo >> captured'; seal '{ printf undefined.; cat signed; } > content'
vector 'echo, and no time, which is not sent either' trailing_newline timestamp_not_signed
start arky; seal 'cp signed content'; run 'openssl base64 -A -in digest > signature'
vector 'no time, and base64' timestamp_not_signed base64_for_hex

printf '\n]}\n'
