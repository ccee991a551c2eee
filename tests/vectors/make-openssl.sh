#!/bin/sh
# Prints signatures made by openssl, as JSON: `sh tests/vectors/make-openssl.sh > tests/vectors/openssl.json`.
#
# Keys, timestamps and bodies are written as printf's %b takes them: \0377 is the byte 0xff, \\ a backslash.
# arky signs "<timestamp>.<body>" and writes hex; arcade signs the body alone and writes base64.
set -eu

command -v openssl >/dev/null || { echo "make-openssl.sh: openssl is not on the PATH" >&2; exit 127; }

hex() { od -An -v -tx1 | tr -d ' \n'; }

mac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary; }

separator=''

# vector NAME PROVIDER KEY TIMESTAMP BODY
vector() {
  key_hex=$(printf %b "$3" | hex)
  body=$(printf %b "$5" | hex)
  if [ "$2" = arky ]; then
    timestamp="\"$4\""
    signature=$({ printf %b "$4"; printf .; printf %b "$5"; } | mac "$key_hex" | hex)
  else
    timestamp=null
    signature=$(printf %b "$5" | mac "$key_hex" | openssl base64 -A)
  fi
  printf '%s\n  {"name": "%s", "provider": "%s", "key_hex": "%s", "timestamp": %s, "body_hex": "%s", "signature": "%s"}' \
    "$separator" "$1" "$2" "$key_hex" "$timestamp" "$body" "$signature"
  separator=','
}

# both NAME KEY BODY: the same for either provider
both() {
  vector "$1" arky "$2" 1704067200 "$3"
  vector "$1" arcade "$2" '' "$3"
}

key='whsec_5f1e7a0c2d9b4836'

printf '{"made_by": "sh tests/vectors/make-openssl.sh", "vectors": ['

vector 'the documented order.paid' arky "$key" 1704067200 '{"id":"evt_abc123","event":"order.paid","timestamp":1704067200,"businessId":"biz_xyz789","data":{"order":{"id":"ord_123","status":"PAID","total":5999,"currency":"USD","items":[{"productId":"prod_456","name":"Widget","quantity":2,"price":2999}],"customer":{"id":"usr_789","email":"john@example.com","firstName":"John","lastName":"Doe"}},"payment":{"id":"pay_abc","method":"stripe","amount":5999}}}'
vector 'the documented formSubmission.created' arcade "$key" '' '{"type":"formSubmission.created","timestamp":"2024-02-15T15:51:12.013Z","flowId":"khM1A286JbRPxN9fxYsE","sessionId":"b8103665-e6ce-4db8-894e-f123ec49ed9c","viewerIp":"127.0.0.1","stepTitle":"Step title (optional)","stepSubtitle":"Step subtitle (optional)","answers":{"User Email":{"variant":"email","value":"foo@bar.com"},"User Name":{"variant":"text","value":"Foo Bar"}}}'

both 'non-ASCII text' "$key" '{"name":"Zo\0303\0253 \0346\0227\0245\0346\0234\0254 \0360\0237\0246\0212 \0342\0200\0256"}'
both 'escapes in the JSON' "$key" '{"name":"\\u00e9\\n\\"\\\\"}'
both 'an empty body' "$key" ''
both 'a single newline' "$key" '\n'
both 'every kind of byte' "$key" '\0357\0273\0277\0000\0001\r\n\r\n\t\0177\0200\0376\0377\0000'
both 'white space round the JSON' "$key" ' {"a" : 1}\r\n'
both 'dots in the body' "$key" '.1704067200..'
both 'a key with white space at both ends' ' \tkey with spaces \n' '{"a":1}'
both 'a key that is not UTF-8' '\0377\0376\0000key\0200' '{"a":1}'
both 'a key of one byte' 'k' '{"a":1}'
both 'a key as long as a block' '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' '{"a":1}'
both 'a key longer than a block, which is hashed first' '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef!' '{"a":1}'
both 'whsec_ is part of the key' 'whsec_c2VjcmV0' '{"a":1}'
both 'the same without whsec_' 'c2VjcmV0' '{"a":1}'
both 'the same decoded' 'secret' '{"a":1}'

for timestamp in 0 1 01704067200 1704067200000 253402300799 999999999999999999 -1 1e9 abc '' 1704067200.5 '１７０４０６７２００'; do
  vector "the timestamp '$timestamp'" arky "$key" "$timestamp" '{"a":1}'
done

printf '\n]}\n'
