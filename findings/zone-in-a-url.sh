#!/bin/sh
# Installed: av (PyAV) 18.1.0, httpx 0.28.1.
#
# A camera on the same cable is reached by its link-local address, whose zone names the interface. RFC 6874 writes it with an escaped percent
# sign: http://[fe80::1%25eth0]/. One would expect that clients which take URLs unescape it before they look the address up.
#
# What happens: neither does. FFmpeg (RTSP and HTTP alike) says "Invalid argument" at once, httpx "Name or service not known". Both take the
# form that RFC 3986 does not allow, with a bare percent sign, and connect. A link-local address with a zone that works in ping or in MQTT's
# host must go into a URL as it is.
#
# Who is hurt: whoever writes the URL by the standard, or lets a library quote it, and takes the camera for absent.
. "$(dirname "$0")/common.sh"

install av==18.1.0 httpx==0.28.1

cat > "$work/zones.py" <<'PYTHON'
import socket

import av
import httpx

zone = socket.if_indextoname(1)  # the loopback interface; nothing answers there, and the errors tell how far the client came


def kind(open_it):
    try:
        open_it()
    except Exception as error:
        text = str(error)
    return "not looked up" if "Invalid argument" in text or "not known" in text else "looked up"


# Loopback has no link-local neighbours, so that FFmpeg's error for a found address is "Network is unreachable" or a time-out.
for name, percent in (("RFC 6874", "%25"), ("bare", "%")):
    host = f"[fe80::1{percent}{zone}]"
    rtsp = kind(lambda: av.open(f"rtsp://{host}:9/1", timeout=2))
    http = kind(lambda: av.open(f"http://{host}:9/1", timeout=2))
    web = kind(lambda: httpx.Client(trust_env=False, timeout=2).get(f"http://{host}:9/1"))
    print(f"{name}: RTSP {rtsp}, FFmpeg's HTTP {http}, httpx {web}")
PYTHON
expect "$(python zones.py)" "RFC 6874: RTSP not looked up, FFmpeg's HTTP not looked up, httpx not looked up
bare: RTSP looked up, FFmpeg's HTTP looked up, httpx looked up"
