"""The floor: the HMACs alone, over bodies that are in memory already, on one core."""

import hmac
import os
import sys
import time

secret = os.environ["ARKY_WEBHOOK_SECRET"].encode()
count, size = int(sys.argv[1]), int(sys.argv[2])
signed = b"1704067200." + b"x" * size
began = time.perf_counter()
for _ in range(count):
    hmac.digest(secret, signed, "sha256")
print(time.perf_counter() - began)
