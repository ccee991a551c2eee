#!/bin/sh
# Prints the signatures that stand in the files of this folder: `sh tests/captures/data/json/sign.sh`.
#
# Arky's scheme: hex HMAC-SHA256 over "<timestamp>.<body>".
set -eu

sign() { { printf 1704067200.; printf %b "$1"; } | openssl dgst -sha256 -hmac whsec_5f1e7a0c2d9b4836 -r | cut -d' ' -f1; }

# text: umlaut, emoji, CRLF at the end
sign '{"event":"order.paid","note":"Zo\0303\0253 \0360\0237\0246\0212"}\r\n'
# bytes: not UTF-8
sign '\0000\0377\0200{"a":1}'
