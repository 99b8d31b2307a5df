"""A small MQTT broker for what real ones cannot be made to do: it announces any limit, and refuses or ends when the test says so.

It speaks the bytes of MQTT 5 and 3.1.1 on loopback, with QoS 0 and 1, takes everything, forwards nothing, and records what a client must not do.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from support.broker import Certificates

_V5 = 5
_SIZES = {0x11: ">I", 0x21: ">H", 0x22: ">H", 0x24: ">B", 0x25: ">B", 0x27: ">I", 0x13: ">H"}
"""Integer properties of CONNACK (MQTT 5, 2.2.2.2) by identifier; the others in use are strings."""
SESSION_EXPIRY, ASSIGNED_CLIENT_ID, SERVER_KEEP_ALIVE, REASON_STRING = 0x11, 0x12, 0x13, 0x1F
RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, MAXIMUM_QOS, RETAIN_AVAILABLE = 0x21, 0x22, 0x24, 0x25
MAXIMUM_PACKET_SIZE, WILDCARDS, SUBSCRIPTION_IDS, SHARED = 0x27, 0x28, 0x29, 0x2A
_SIZES |= {WILDCARDS: ">B", SUBSCRIPTION_IDS: ">B", SHARED: ">B"}


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT packet: its version, flags, keep-alive in seconds and client id."""

    version: int
    flags: int
    keepalive_s: int
    client_id: str

    @property
    def has_will(self) -> bool:
        return bool(self.flags & 0x04)

    @property
    def will_qos(self) -> int:
        return self.flags >> 3 & 3

    @property
    def will_retain(self) -> bool:
        return bool(self.flags & 0x20)


@dataclass(frozen=True, slots=True)
class Publish:
    """A PUBLISH packet; `size` is that of the whole packet in bytes."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    size: int
    packet_id: int


Answer = int | None | bytes
"""To a PUBLISH: a reason code for PUBACK, None to close the connection without a word, or the packet to send before closing it."""


@dataclass
class MqttTestBroker:
    """The broker.

    Attributes:
        properties: properties of CONNACK by identifier.
        accept: the reason code of CONNACK for a CONNECT; -1 to close without an answer.
        answer: how it answers a PUBLISH.
        connects: the CONNECT packets so far.
        published: the PUBLISH packets that it has accepted.
        disconnects: the payloads of the DISCONNECT packets.
        packets: the type and the body of every other packet.
        allows_subscriptions: whether it grants subscriptions; if not, it closes the connection.
        tls: certificates, if it is to encrypt.
        messages: topics and payloads of the messages that it sends, all at once, behind its answer to a subscription.
        pings: how many PINGREQ packets came.
        violations: what the clients have done that the announced limits forbid.
    """

    properties: dict[int, int | str] = field(default_factory=dict)
    accept: Callable[[Connect], int] = lambda _: 0
    answer: Callable[[Publish], Answer] = lambda _: 0
    port: int = 0
    connects: list[Connect] = field(default_factory=list)
    published: list[Publish] = field(default_factory=list)
    disconnects: list[bytes] = field(default_factory=list)
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    tls: Certificates | None = None
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    pings: int = 0
    allows_subscriptions: bool = True

    @contextmanager
    def run(self) -> Iterator["MqttTestBroker"]:
        """Listen for the time of the context."""
        threads: list[threading.Thread] = []
        connections: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listener, connections, threads))
            accepting.start()
            try:
                yield self
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                accepting.join()
                for connection in connections:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                for thread in threads:
                    thread.join()

    def topics(self) -> list[str]:
        """Return the topics of the accepted messages, each shortened to what follows `/up/`."""
        return [publish.topic.partition("/up/")[2] for publish in self.published]

    def _accept(
        self,
        listener: socket.socket,
        connections: list[socket.socket],
        threads: list[threading.Thread],
    ) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with self._encrypt(connection) as stream, suppress(OSError, EOFError):
            version = self._take_connect(stream)
            while version is not None:
                kind, body, size = _read_packet(stream)
                if not self._take(stream, version, kind, body, size):
                    return

    def _encrypt(self, connection: socket.socket) -> socket.socket:
        if self.tls is None:
            return connection
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.tls.cert, self.tls.key)
        return context.wrap_socket(connection, server_side=True)

    def _take_connect(self, connection: socket.socket) -> int | None:
        _, body, _ = _read_packet(connection)
        version, flags = body[6], body[7]
        at = 10 + (1 + body[10] if version == _V5 else 0)
        length = int.from_bytes(body[at : at + 2])
        client_id = body[at + 2 : at + 2 + length].decode()
        connect = Connect(version, flags, int.from_bytes(body[8:10]), client_id)
        self.connects.append(connect)
        code = self.accept(connect)
        if code < 0:
            return None
        properties = _encode_properties(self.properties) if version == _V5 else b""
        _send(connection, _packet(0x20, bytes([0, code]) + properties))
        return version if code == 0 else None

    def _take(
        self, connection: socket.socket, version: int, kind: int, body: bytes, size: int
    ) -> bool:
        """Take a packet; return whether the connection goes on."""
        match kind >> 4:
            case 3:
                return self._take_publish(connection, version, _parse(kind, body, size, version))
            case 12:
                self.pings += 1
                _send(connection, _packet(0xD0, b""))
            case 8:
                self.packets.append((kind, body))
                if not self.allows_subscriptions:
                    return False
                reply = body[:2] + (b"\0" if version == _V5 else b"") + b"\1"
                messages = [_encode_publish(version, *message) for message in self.messages]
                _send(connection, b"".join([_packet(0x90, reply), *messages]))
            case 14:
                self.disconnects.append(body)
                return False
        return True

    def _take_publish(self, connection: socket.socket, version: int, publish: Publish) -> bool:
        self._check(publish)
        answer = self.answer(publish)
        if isinstance(answer, bytes):
            _send(connection, answer)
        if not isinstance(answer, int):
            return False
        if answer < 0x80:
            self.published.append(publish)
        if publish.qos:
            reason = bytes([answer]) if version == _V5 and answer else b""
            _send(connection, _packet(0x40, publish.packet_id.to_bytes(2) + reason))
        return True

    def _check(self, publish: Publish) -> None:
        limits = self.properties
        broken = {
            "size": publish.size > int(limits.get(MAXIMUM_PACKET_SIZE, 1 << 28)),
            "qos": publish.qos > int(limits.get(MAXIMUM_QOS, 2)),
            "retain": publish.retain and not limits.get(RETAIN_AVAILABLE, 1),
        }
        self.violations += [
            f"{name}: {publish.topic}" for name, is_broken in broken.items() if is_broken
        ]


def disconnect_packet(code: int) -> bytes:
    """Return a DISCONNECT packet of the broker."""
    return _packet(0xE0, bytes([code, 0]))


def _send(connection: socket.socket, packet: bytes) -> None:
    """Send a packet; what a client has sent before it closed its end is still to be read."""
    with suppress(OSError):
        connection.sendall(packet)


def _read_packet(connection: socket.socket) -> tuple[int, bytes, int]:
    read = partial(_read, connection)
    kind, length, shift, head = read(1)[0], 0, 0, 1
    while True:
        byte = read(1)[0]
        head += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, read(length), head + length


def _read(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _parse(kind: int, body: bytes, size: int, version: int) -> Publish:
    length = int.from_bytes(body[:2])
    topic, at = body[2 : 2 + length].decode(), 2 + length
    qos = kind >> 1 & 3
    packet_id = int.from_bytes(body[at : at + 2]) if qos else 0
    at += 2 if qos else 0
    at += 1 + body[at] if version == _V5 else 0
    return Publish(topic, body[at:], qos, bool(kind & 1), size, packet_id)


def _encode_publish(version: int, topic: str, payload: bytes) -> bytes:
    properties = b"\0" if version == _V5 else b""
    name = topic.encode()
    return _packet(0x30, len(name).to_bytes(2) + name + properties + payload)


def _packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, low = length >> 7, length & 127
        head.append(low | (128 if length else 0))
        if not length:
            return bytes(head) + body


def _encode_properties(properties: dict[int, int | str]) -> bytes:
    encoded = b""
    for identifier, value in properties.items():
        if isinstance(value, int):
            encoded += bytes([identifier]) + struct.pack(_SIZES[identifier], value)
        else:
            encoded += bytes([identifier]) + len(value).to_bytes(2) + value.encode()
    return bytes([len(encoded)]) + encoded
