"""A reader of SBE messages for tests. It uses the XML of a schema and the rules of SBE, and no decoder of fastws.

It is slow and expects correct bytes: a message that does not fit the XML exactly raises AssertionError.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from contextlib import asynccontextmanager
from functools import cache

from helpers.schema_xml import schema_xml

from .wire import wire

SBE = "?responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5"
PRIMITIVES = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float": "f",
}
HEADER = struct.Struct("<HHHH")


def local(name):
    return name.rpartition("}")[2]


def attributes(element):
    return {local(name): value for name, value in element.attrib.items()}


class Xml:
    """A schema as its XML has it."""

    def __init__(self, data):
        root = ET.fromstring(data)
        self.id, self.version = int(root.get("id")), int(root.get("version"))
        self.types, self.messages = {}, {}
        for element in root.iter():
            kind = local(element.tag)
            if kind in ("type", "enum", "set", "composite"):
                self.types.setdefault(element.get("name"), element)
            elif kind == "message":
                self.messages[int(element.get("id"))] = element

    def code(self, name):
        """The struct code of a field's type."""
        if name in PRIMITIVES:
            return PRIMITIVES[name]
        element = self.types[name]
        code = PRIMITIVES[element.get("primitiveType") or element.get("encodingType")]
        length = int(element.get("length", 1))
        return code if length == 1 else f"{length}s"

    def values(self, name):
        """The codes of an enumeration, or the bits of a set, by JSON's texts."""
        return {
            attributes(child).get("jsonValue", child.get("name")): int(child.text)
            for child in self.types[name]
        }

    def parts(self, element):
        """The fields on the wire, the groups and the data of a message or group, as attributes."""
        fields, groups, data = [], [], []
        for child in element:
            row = attributes(child)
            kind = local(child.tag)
            if kind == "field" and row.get("presence") != "constant":
                fields.append(row)
            elif kind == "group":
                groups.append((row, child))
            elif kind == "data":
                data.append(row)
        return fields, groups, data

    def constants(self, element):
        """The JSON of constant fields, which have no bytes."""
        rows = [attributes(child) for child in element]
        found = {}
        for row in rows:
            if row.get("presence") == "constant":
                enum, _, value = row["valueRef"].partition(".")
                (text,) = (
                    attributes(child).get("jsonValue", value)
                    for child in self.types[enum]
                    if child.get("name") == value
                )
                found[row["name"]] = text
        return found

    def block(self, element):
        return struct.Struct("<" + "".join(self.code(row["type"]) for row in self.parts(element)[0]))

    def dimensions(self, row):
        composite = self.types[row.get("dimensionType", "groupSizeEncoding")]
        return struct.Struct("<" + "".join(PRIMITIVES[child.get("primitiveType")] for child in composite))


@cache
def xml(version=5):
    """A version of the spot schema."""
    return Xml(schema_xml("spot", version))


class Reader:
    """Reads messages into the JSON that the XML's attributes describe, with timestamps in microseconds.

    ``native`` instead returns the names and integers of the root block.
    """

    def __init__(self, schema):
        self.schema = schema

    def native(self, data):
        length, template, _, _ = HEADER.unpack_from(data)
        message = self.schema.messages[template]
        fields = self.schema.parts(message)[0]
        block = self.schema.block(message)
        assert block.size == length
        return dict(zip((row["name"] for row in fields), block.unpack_from(data, 8), strict=True))

    def message(self, data):
        """The template and the value of a message that fills the data exactly."""
        length, template, schema, version = HEADER.unpack_from(data)
        assert (schema, version) == (self.schema.id, self.schema.version)
        element = self.schema.messages[template]
        value, end = self._element(element, length, data, 8, {})
        assert end == len(data), f"{len(data) - end} bytes more in template {template}"
        return template, value

    def _element(self, element, length, data, at, exponents):
        fields, groups, texts = self.schema.parts(element)
        block = self.schema.block(element)
        assert block.size == length, f"a block of {length} bytes in {element.get('name')}, not {block.size}"
        raw = dict(zip((row["name"] for row in fields), block.unpack_from(data, at), strict=True))
        exponents = {**exponents, **{n: v for n, v in raw.items() if n.lower().endswith("exponent")}}
        value = self.schema.constants(element)
        row_of_values = []
        for row in fields:
            if row["type"] == "exponent8":
                continue
            read = self._field(row, raw[row["name"]], exponents)
            if row.get("jsonPath") == "[]":
                row_of_values.append(read)
            elif read is not None:
                put(value, row.get("jsonPath", row["name"]), read)
        at += length
        for row, child in groups:
            entries, at = self._group(row, child, data, at, exponents)
            if row.get("jsonPath") == "..":
                value = entries
            elif entries or row.get("jsonOmitNull") != "true":
                put(value, row.get("jsonPath", row["name"]), entries)
        for row in texts:
            read, at = self._data(row, data, at)
            if row.get("jsonPath") == "..":
                value = read
            elif read is not None:
                put(value, row.get("jsonPath", row["name"]), read)
        return row_of_values or value, at

    def _group(self, row, element, data, at, exponents):
        size = self.schema.dimensions(row)
        length, count = size.unpack_from(data, at)
        at += size.size
        entries = []
        for _ in range(count):
            entry, at = self._element(element, length, data, at, exponents)
            entries.append(entry)
        return entries, at

    def _data(self, row, data, at):
        composite = self.schema.types[row["type"]]
        size = struct.Struct("<" + PRIMITIVES[composite[0].get("primitiveType")])
        (length,) = size.unpack_from(data, at)
        at += size.size
        content = data[at : at + length]
        assert len(content) == length
        at += length
        if row["type"].startswith("optional") and not content:
            return row.get("jsonDefaultValue"), at
        if "messageData" in row["type"].replace("optionalM", "m"):
            return self.reply_part(content), at
        return content.decode(), at

    def _field(self, row, raw, exponents):
        kind, name = row["type"], row["name"]
        default = row.get("jsonDefaultValue")
        code = self.schema.code(kind)
        element = self.schema.types.get(kind)
        is_set = element is not None and local(element.tag) == "set"
        is_enum = element is not None and local(element.tag) == "enum"
        if row.get("presence") == "optional":
            if code == "f":
                number = raw if raw == raw else default
                return None if number is None else f"{float(number):.3f}"
            if raw == (255 if is_enum else null_of(code)):
                if default is None:
                    return None
                if "exponent" in row:
                    return decimal(int(default), exponents[row["exponent"]])
                return int(default)
        if kind == "boolEnum":
            assert raw in (0, 1), (name, raw)
            return raw == 1
        if is_enum:
            return {code: text for text, code in self.schema.values(kind).items()}[raw]
        if is_set:
            return [text for text, bit in self.schema.values(kind).items() if raw >> bit & 1]
        if code == "16s":
            raw = int.from_bytes(raw, "little", signed=True)
        if "exponent" in row:
            return decimal(raw, exponents[row["exponent"]])
        return raw

    # Not described by the attributes (SBE.md, Gaps)

    def reply_part(self, data):
        """The documented JSON of a message."""
        template, value = self.message(data)
        if template == 54:
            return value["subscriptions"]
        if template == 100:
            more = {name: value.pop(name) for name in ("serverTime", "retryAfter") if name in value}
            if more or "data" in value:
                value["data"] = {**value.get("data", {}), **more}
        elif template == 203:
            return [[*row, "0"] for row in value]
        elif template == 306:
            return [entry["response"] for entry in value]
        elif template == 307:
            value.setdefault("newOrderResponse", None)
        elif template == 317:
            top = ("transactTime", "executionId", "listStatus", "relatedOrders")
            order = {name: value[name] for name in value if name not in top}
            result = {"transactTime": value["transactTime"], "executionId": value["executionId"]}
            result["amendedOrder"] = order
            if value["listStatus"]:
                (result["listStatus"],) = value["listStatus"]
            return result
        elif template in (51, 52, 53):
            for name in ("apiKey", "authorizedSince", "userDataStream"):
                value.setdefault(name, None)
        return value

    def reply(self, data):
        """Read a reply or an event; a reply gets the JSON key ``deprecated``."""
        template, value = self.message(data)
        if template != 50:
            event = {"e": EVENTS[template], **value}
            found = {"event": event}
            if "subscriptionId" in event:
                found["subscriptionId"] = event.pop("subscriptionId")
            return found
        deprecated = value.pop("sbeSchemaIdVersionDeprecated")
        if value["status"] != 200:
            value["error"] = value.pop("result")
        if not value["rateLimits"]:
            del value["rateLimits"]
        return {**value, "deprecated": deprecated}


EVENTS = {
    600: "allocationReport",
    601: "balanceUpdate",
    602: "eventStreamTerminated",
    603: "executionReport",
    604: "externalLockUpdate",
    606: "listStatus",
    607: "outboundAccountPosition",
    610: "serverShutdown",
}


def null_of(code):
    if code == "16s":
        return b"\x00" * 15 + b"\x80"
    size = 8 * struct.calcsize("<" + code)
    return -(1 << size - 1) if code.islower() else (1 << size) - 1


def decimal(mantissa, exponent):
    digits = str(abs(mantissa))
    if exponent < 0:
        digits = digits.rjust(1 - exponent, "0")
        digits = f"{digits[:exponent]}.{digits[exponent:]}"
    else:
        digits += "0" * (exponent if mantissa else 0)
    return f"-{digits}" if mantissa < 0 else digits


def put(value, path, read):
    *parents, name = path.split(".")
    for parent in parents:
        value = value.setdefault(parent, {})
    value[name] = read


@asynccontextmanager
async def sbe_wire(exchange, query=""):
    """An SBE connection whose messages are read into JSON."""
    async with wire(exchange, SBE + query, decode=Reader(xml()).reply) as connection:
        yield connection
