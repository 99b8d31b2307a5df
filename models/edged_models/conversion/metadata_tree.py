"""A file's metadata as a tree that can be read, changed and written without loss."""

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
from flatbuffers import number_types as numbers
from flatbuffers.table import Table

from edged_models.conversion.metadata_schema import IDENTIFIER, ROOT, TABLES, Field, ValueType

_SCALARS = {
    ValueType.BYTE: numbers.Uint8Flags,
    ValueType.INT: numbers.Int32Flags,
    ValueType.UINT: numbers.Uint32Flags,
    ValueType.FLOAT: numbers.Float32Flags,
}
_VECTORS = {
    ValueType.FLOATS: numbers.Float32Flags,
    ValueType.UINTS: numbers.Uint32Flags,
    ValueType.OCTETS: numbers.Uint8Flags,
}
_OFFSET_BYTES = 4


@dataclass(slots=True)
class MetadataNode:
    """One table of the metadata.

    Attributes:
        type: its type in `metadata_schema.TABLES`.
        fields: values of the fields that are present, by name.
    """

    type: str
    fields: dict[str, Any] = field(default_factory=dict)

    def get_or_create_child(self, name: str, type_: str) -> "MetadataNode":
        """Return the sub-table of that name; create it if it is missing or has another type."""
        if not isinstance(self.fields.get(name), MetadataNode) or self.fields[name].type != type_:
            self.fields[name] = MetadataNode(type_)
        node: MetadataNode = self.fields[name]
        return node

    def get_or_create_children(self, name: str) -> list["MetadataNode"]:
        """Return the list of sub-tables of that name; the caller may add to it."""
        nodes: list[MetadataNode] = self.fields.setdefault(name, [])
        return nodes


def read_tree(packed: bytes) -> MetadataNode:
    """Unpack metadata, without fields that a newer schema may have added. Call it in a block of `damage_as_source_error`."""
    root = int.from_bytes(packed[:4], "little")
    return _read_node(Table(bytearray(packed), root), ROOT)


def write_tree(root: MetadataNode) -> bytes:
    """Pack metadata; the same tree gives the same bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write_node(builder, root), IDENTIFIER)
    return bytes(builder.Output())


def _read_node(table: Table, type_: str) -> MetadataNode:
    node = MetadataNode(type_)
    slot = 0
    for one in TABLES[type_]:
        width = 2 if one.value_type is ValueType.UNION else 1
        offset = table.Offset(4 + 2 * (slot + width - 1))
        if offset:
            node.fields[one.name] = _read_value(table, one, table.Pos + offset, slot)
        slot += width
    return node


def _read_value(table: Table, one: Field, position: int, slot: int) -> Any:
    match one.value_type:
        case ValueType.TEXT:
            return table.String(position).decode("utf-8", "replace")
        case ValueType.TABLE:
            return _read_node(Table(table.Bytes, table.Indirect(position)), one.types[0])
        case ValueType.UNION:
            type_number = table.GetSlot(4 + 2 * slot, 0, numbers.Uint8Flags)
            type_ = one.types[type_number - 1]
            return _read_node(Table(table.Bytes, table.Indirect(position)), type_)
        case scalar if scalar in _SCALARS:
            return table.Get(_SCALARS[scalar], position)
    return _read_vector(table, one, position)


def _read_vector(table: Table, one: Field, position: int) -> list[Any]:
    start, count = table.Vector(position - table.Pos), table.VectorLen(position - table.Pos)
    if one.value_type in _VECTORS:
        flags = _VECTORS[one.value_type]
        return [table.Get(flags, start + i * flags.bytewidth) for i in range(count)]
    positions = [start + _OFFSET_BYTES * i for i in range(count)]
    if one.value_type is ValueType.TEXTS:
        return [table.String(each).decode("utf-8", "replace") for each in positions]
    return [
        _read_node(Table(table.Bytes, table.Indirect(each)), one.types[0]) for each in positions
    ]


def _write_node(builder: flatbuffers.Builder, node: MetadataNode) -> int:
    present = [one for one in TABLES[node.type] if one.name in node.fields]
    # The values that a table refers to must be written before the table.
    offsets = {one.name: _write_value(builder, one, node.fields[one.name]) for one in present}
    builder.StartObject(
        sum(2 if one.value_type is ValueType.UNION else 1 for one in TABLES[node.type])
    )
    slot = 0
    for one in TABLES[node.type]:
        if one.value_type is ValueType.UNION and one.name in offsets:
            type_number = one.types.index(node.fields[one.name].type) + 1
            builder.PrependUint8Slot(slot, type_number, 0)
        slot += one.value_type is ValueType.UNION
        if one.name in offsets:
            if one.value_type in _SCALARS:
                builder.PrependSlot(_SCALARS[one.value_type], slot, node.fields[one.name], 0)
            else:
                builder.PrependUOffsetTRelativeSlot(slot, offsets[one.name], 0)
        slot += 1
    return int(builder.EndObject())


def _write_value(builder: flatbuffers.Builder, one: Field, value: Any) -> int:
    """Write a value outside its table and return its offset; 0 if the table itself holds the value."""
    match one.value_type:
        case ValueType.TEXT:
            return int(builder.CreateString(value))
        case ValueType.TABLE | ValueType.UNION:
            return _write_node(builder, value)
        case ValueType.TEXTS:
            return _write_offsets(builder, [int(builder.CreateString(text)) for text in value])
        case ValueType.TABLES:
            return _write_offsets(builder, [_write_node(builder, node) for node in value])
        case vector if vector in _VECTORS:
            flags = _VECTORS[vector]
            builder.StartVector(flags.bytewidth, len(value), flags.bytewidth)
            for number in reversed(value):
                builder.Prepend(flags, number)
            return int(builder.EndVector())
    return 0


def _write_offsets(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(_OFFSET_BYTES, len(offsets), _OFFSET_BYTES)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
