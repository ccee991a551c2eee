"""What one would write by hand: read each line as JSON, compute the HMAC, print a verdict."""

import hashlib
import hmac
import json
import os
import sys

secret = os.environ["ARKY_WEBHOOK_SECRET"].encode()
with open(sys.argv[1], encoding="utf-8") as lines:  # noqa: PTH123 - as by hand
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        headers = {name.lower(): value for name, value in record["headers"]}
        body = record["body"].encode()
        signed = headers["x-arky-timestamp"].encode() + b"." + body
        expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        payload = json.loads(body)
        verdict = {
            "source": f"{sys.argv[1]}:{number}",
            "event": payload["event"],
            "event_id": payload["id"],
            "valid": hmac.compare_digest(expected, headers["x-arky-signature"]),
        }
        print(json.dumps(verdict))
