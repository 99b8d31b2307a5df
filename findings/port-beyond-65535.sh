#!/bin/sh
# Installed: paho-mqtt 2.1.0, httpx 0.28.1 (Python 3.11, glibc 2.36).
#
# RFC 3986 allows any digits as a port, TCP has 65535. One would expect a client to refuse a larger one, as Python's own socket.connect
# does (OverflowError), or to fail to connect.
#
# What happens: both hand the number to getaddrinfo(3), which keeps its lower 16 bits, and connect to the port that is 65536 lower. A digit
# too many in a configuration reaches another service of the same host, and its answer or its "Connection refused" is taken for the broker's.
#
# Who is hurt: whoever types 188300 for 18830 (it becomes 57228), and looks for a firewall, because every message shows the port as typed.
. "$(dirname "$0")/common.sh"

install paho-mqtt==2.1.0 httpx==0.28.1

cat > "$work/ports.py" <<'PYTHON'
import http.server
import socket
import threading

import httpx
from paho.mqtt.client import CallbackAPIVersion, Client


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
written = port + 65536
answer = httpx.Client(trust_env=False).get(f"http://127.0.0.1:{written}/").status_code
client = Client(CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", written)
reached = client.socket().getpeername()[1]
try:
    socket.socket().connect(("127.0.0.1", written))
except OverflowError as error:
    refused = type(error).__name__
print(f"httpx {answer}; paho {'the same service' if reached == port else reached}; socket.connect {refused}")
PYTHON
expect "$(python ports.py)" "httpx 204; paho the same service; socket.connect OverflowError"
