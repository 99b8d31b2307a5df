"""One codec for the messages that cross a socket between two of edged's processes.

A channel is a `SOCK_SEQPACKET` socket pair: one message is one packet. Each direction of a channel has a `PacketCodec` for its messages, which
are msgspec structs, told apart by their tags. They cross as JSON, which msgspec validates against the declared types while it decodes.
"""

from typing import Generic, TypeVar

import msgspec

from edged.config.codec import decode_path, encode_path
from edged.errors import PacketError

MessageT = TypeVar("MessageT")


class PacketCodec(Generic[MessageT]):
    """Encodes and decodes the messages of one direction of a channel."""

    def __init__(self, message_types: object, *, max_bytes: int) -> None:
        """Prepare the codec.

        Args:
            message_types: the struct, or the union of tagged structs, that can cross.
            max_bytes: size of the largest packet.
        """
        self.max_bytes = max_bytes
        self._encoder = msgspec.json.Encoder(enc_hook=encode_path)
        self._decoder: msgspec.json.Decoder[MessageT] = msgspec.json.Decoder(
            message_types, dec_hook=decode_path
        )

    def encode(self, message: MessageT) -> bytes:
        """Return the packet of a message.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
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
        try:
            return self._decoder.decode(packet)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise PacketError(f"an invalid message: {error}") from None
