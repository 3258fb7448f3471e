"""The conformance suite scim2-tester against the SCIM service provider: no check ends in an error."""

import collections
import os
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

client = SyncSCIMClient(Client(base_url=os.environ["SCIM_URL"], timeout=60))
results = check_server(client)
failed = [result for result in results if result.status in (Status.ERROR, Status.CRITICAL)]
for result in failed:
    print(f"{result.resource_type}: {result.title}: {result.status.name}: {result.reason}", file=sys.stderr)
counts = collections.Counter((result.title, result.status.name) for result in results)
for (title, status), count in sorted(counts.items()):
    print(f"{title}: {status} {count}: {'FAILED' if status in ('ERROR', 'CRITICAL') else 'ok'}")
sys.exit(1 if failed else 0)
