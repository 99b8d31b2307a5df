"""One codec for every message that crosses a socket between two of edged's processes.

A channel is a `SOCK_SEQPACKET` socket pair: one message is one packet. Each direction of a channel has a `PacketCodec` for its messages, which
are msgspec structs, told apart by their tags. They cross as JSON, which msgspec validates against the declared types while it decodes. A
message that is sent for every frame can have a binary form instead (`BinaryForm`): its packet starts with a byte that no JSON object starts with.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from edged.config.codec import decode_path, encode_path
from edged.errors import PacketError

MessageT = TypeVar("MessageT")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryForm:
    """The binary form of one type of message.

    Attributes:
        message_type: the class of the message.
        first_byte: every packet of it starts with this byte, which is not ``{``.
        encode: returns the whole packet of a message.
        decode: returns the message of a whole packet; raises ValueError or struct.error if the packet is invalid.
    """

    message_type: type
    first_byte: bytes
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


class PacketCodec(Generic[MessageT]):
    """Encodes and decodes the messages of one direction of a channel."""

    def __init__(
        self, message_types: object, *, max_bytes: int, binary_form: BinaryForm | None = None
    ) -> None:
        """Prepare the codec.

        Args:
            message_types: the struct, or the union of tagged structs, that can cross.
            max_bytes: size of the largest packet.
            binary_form: of the one message that does not cross as JSON; None if all do.
        """
        self.max_bytes = max_bytes
        self._encoder = msgspec.json.Encoder(enc_hook=encode_path)
        self._decoder: msgspec.json.Decoder[MessageT] = msgspec.json.Decoder(
            message_types, dec_hook=decode_path
        )
        self._binary_form = binary_form

    def encode(self, message: MessageT) -> bytes:
        """Return the packet of a message.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        form = self._binary_form
        if form is not None and isinstance(message, form.message_type):
            return form.encode(message)
        packet = self._encoder.encode(message)
        if len(packet) > self.max_bytes:
            raise PacketError(
                f"a {type(message).__name__} message of {len(packet)} bytes is over the {self.max_bytes} bytes of a packet"
            )
        return packet

    def decode(self, packet: bytes) -> MessageT:
        """Return the message of a packet.

        Raises:
            PacketError: the packet is no message of this direction.
        """
        form = self._binary_form
        try:
            if form is not None and packet[:1] == form.first_byte:
                message: MessageT = form.decode(packet)
                return message
            return self._decoder.decode(packet)
        except (msgspec.MsgspecError, struct.error, ValueError, RecursionError) as error:
            raise PacketError(f"an invalid message: {error}") from None
