"""Protobuf structs to property values and back.

A struct has one number type, double: ``5.0`` would reach boto3 as a float and
Amazon States Language as ``5.0``, so whole numbers become ``int`` here.
"""

from collections.abc import Mapping

from google.protobuf import struct_pb2  # type: ignore[import-untyped] # protobuf ships none

from analemma_platform.engine.values import Properties, Value


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Return the properties of ``struct``; a null property is an absent one."""
    return {
        name: value
        for name, wire in struct.fields.items()
        if (value := _from_value(wire)) is not None
    }


def to_struct(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Return ``properties`` as a struct, nulls left out at every level."""
    struct = struct_pb2.Struct()
    struct.update(_without_nulls_in(properties))
    return struct


def _from_value(wire: struct_pb2.Value) -> Value:
    match wire.WhichOneof("kind"):
        case "string_value":
            return str(wire.string_value)
        case "bool_value":
            return bool(wire.bool_value)
        case "number_value":
            number = float(wire.number_value)
            return int(number) if number.is_integer() else number
        case "struct_value":
            return from_struct(wire.struct_value)
        case "list_value":
            return [_from_value(inner) for inner in wire.list_value.values]
    return None


def _without_nulls_in(properties: Mapping[str, Value]) -> Properties:
    return {
        name: _without_nulls(value)
        for name, value in properties.items()
        if value is not None
    }


def _without_nulls(value: Value) -> Value:
    if isinstance(value, dict):
        return _without_nulls_in(value)
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
