"""Schema tables for the preflight, from protobuf's descriptors and the .options files.

The .options files are the single source of limits: nanopb reads them for its static structs,
this module for the tables. Everything the C side relies on is checked here, and what does not
fit is refused with the file and the line it stands on.
"""

import re

from google.protobuf import descriptor_pb2

F = descriptor_pb2.FieldDescriptorProto

SLOTS_MAX = 64  # as in include/schema_table.h
LISTS_MAX = 16
DEPTH_MAX = 16

# protobuf's type -> the table's kind
KINDS = {
    F.TYPE_UINT32: "UINT32",
    F.TYPE_UINT64: "UINT64",
    F.TYPE_INT32: "INT32",
    F.TYPE_INT64: "INT64",
    F.TYPE_SINT32: "SINT32",
    F.TYPE_SINT64: "SINT64",
    F.TYPE_BOOL: "BOOL",
    F.TYPE_ENUM: "ENUM",
    F.TYPE_FIXED32: "FIXED32",
    F.TYPE_FIXED64: "FIXED64",
    F.TYPE_SFIXED32: "SFIXED32",
    F.TYPE_SFIXED64: "SFIXED64",
    F.TYPE_FLOAT: "FLOAT",
    F.TYPE_DOUBLE: "DOUBLE",
    F.TYPE_STRING: "STRING",
    F.TYPE_BYTES: "BYTES",
    F.TYPE_MESSAGE: "MESSAGE",
}


class BadSchema(Exception):
    """What is wrong, as FILE:LINE: text."""

    def __init__(self, where, text):
        super().__init__(f"{where}: {text}")


class Limits:
    """What the .options files say of one field or message."""

    KEYS = {"max_length": int, "max_size": int, "max_count": int, "skip_message": bool}

    def __init__(self, where):
        self.where = where
        self.values = {}

    def read(self, text):
        for word in text.split():
            match = re.fullmatch(r"(\w+):(\w+)", word)
            if not match or match[1] not in self.KEYS:
                raise BadSchema(self.where, f"not a limit: {word}")
            key, value = match[1], match[2]
            if key in self.values:
                raise BadSchema(self.where, f"{key} given twice")
            if self.KEYS[key] is bool:
                if value not in ("true", "false"):
                    raise BadSchema(self.where, f"{key} is true or false, not {value}")
                self.values[key] = value == "true"
            else:
                if not value.isdecimal() or not 0 < int(value) < 2**31:
                    raise BadSchema(self.where, f"{key} is 1 to 2^31 - 1, not {value}")
                self.values[key] = int(value)


def read_options(proto_root, shown_root):
    """All limits by full name."""
    limits = {}
    for path in sorted(proto_root.rglob("*.options")):
        shown = path.relative_to(shown_root) if path.is_relative_to(shown_root) else path
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            where = f"{shown}:{number}"
            name, _, rest = line.partition(" ")
            if not rest:
                raise BadSchema(where, f"no limit for {name}")
            known = limits.get(name)
            if known is None:
                known = limits[name] = Limits(where)
            known.where = where
            known.read(rest)
    return limits


class Field:
    """One field: its descriptor, limits and place in the tables."""

    def __init__(self, message, proto, where, limits):
        self.message = message
        self.proto = proto
        self.where = where
        self.repeated = proto.label == F.LABEL_REPEATED
        self.oneof = proto.oneof_index + 1 if proto.HasField("oneof_index") else 0
        self.slot = 0
        self.check_type()
        self.kind = KINDS[proto.type]
        self.bytes_max, self.count_max = self.read_limits(limits)

    def check_type(self):
        if self.proto.type == F.TYPE_GROUP or self.proto.label == F.LABEL_REQUIRED:
            raise BadSchema(self.where, "groups and required fields are not allowed")
        if self.proto.proto3_optional:
            raise BadSchema(self.where, "no `optional`: use a oneof of one member")
        if self.proto.options.HasField("packed") and not self.proto.options.packed:
            raise BadSchema(self.where, "lists of scalars are packed: nanopb writes nothing else")

    def read_limits(self, limits):
        name = f"{self.message.full}.{self.proto.name}"
        found = limits.pop(name, None)
        values = dict(found.values) if found else {}
        count = self.take(found, values, "max_count", self.repeated)
        length = self.take(found, values, "max_length", self.kind == "STRING")
        size = self.take(found, values, "max_size", self.kind == "BYTES")
        if values:
            raise BadSchema(found.where, f"{', '.join(values)} does not fit a field")
        return length or size, count

    def take(self, found, values, key, wanted):
        if wanted and key not in values:
            raise BadSchema(self.where, f"{self.proto.name} needs {key} in the .options file")
        if not wanted and key in values:
            raise BadSchema(found.where, f"{key} does not fit {self.proto.name}")
        return values.pop(key, 0)

    def row(self, prefix):
        parts = [f'.name = "{self.proto.name}"', f".number = {self.proto.number}",
                 f".kind = LRM_SCHEMA_{self.kind}"]
        if self.kind == "MESSAGE":
            parts.append(f".message = &{prefix}_{self.type_name()}")
        if self.bytes_max:
            parts.append(f".bytes_max = {self.bytes_max}")
        if self.repeated:
            parts.append(f".count_max = {self.count_max}")
        if self.oneof:
            parts.append(f".oneof = {self.oneof}")
        parts.append(f".slot = {self.slot}")
        return wrap("    {", parts, "},")

    def type_name(self):
        return self.proto.type_name.rsplit(".", 1)[-1]


class Message:
    """One message type."""

    def __init__(self, package, proto, where):
        self.package = package
        self.proto = proto
        self.where = where
        self.full = f"{package}.{proto.name}"
        self.fields = []
        if proto.nested_type:  # maps are nested types, too
            raise BadSchema(where, f"{proto.name}: neither nested messages nor maps are allowed")

    def c_type(self):
        """The name protoc-c gives the struct."""
        return "__".join(camel(p) for p in (*self.package.split("."), self.proto.name))

    def descriptor(self):
        return "__".join(lower(p) for p in (*self.package.split("."), self.proto.name)) \
            + "__descriptor"

    def place(self):
        """Gives each field its bit or its counter."""
        self.fields.sort(key=lambda f: f.proto.number)
        slots, lists, of_oneof = 0, 0, {}
        for field in self.fields:
            if field.repeated:
                field.slot, lists = lists, lists + 1
            elif field.oneof in of_oneof:
                field.slot = of_oneof[field.oneof]
            else:
                field.slot, slots = slots, slots + 1
                if field.oneof:
                    of_oneof[field.oneof] = field.slot
        if slots > SLOTS_MAX or lists > LISTS_MAX or len(self.fields) >= SLOTS_MAX:
            raise BadSchema(self.where, f"{self.proto.name} has too many fields: "
                            f"below {SLOTS_MAX}, repeated ones up to {LISTS_MAX}")


def camel(word):
    """As protoc-c does: the first letter and each one after _ is upper case."""
    return "".join(p[:1].upper() + p[1:] for p in word.split("_"))


def lower(word):
    """As protoc-c does: CamelCase to camel_case."""
    out = ""
    for i, c in enumerate(word):
        if c.isupper():
            before = word[i - 1] if i else ""
            after = word[i + 1] if i + 1 < len(word) else ""
            if before and (before.islower() or before.isdigit() or (
                    before.isupper() and after.islower())):
                out += "_"
        out += c.lower()
    return out


def wrap(head, parts, tail, width=100):
    lines, line = [], head
    for i, part in enumerate(parts):
        piece = part + ("," if i + 1 < len(parts) else tail)
        joint = "" if line == head else " "
        if len(line) + len(joint) + len(piece) > width:
            lines.append(line)
            line = " " * len(head) + piece
        else:
            line += joint + piece
    lines.append(line)
    return "\n".join(lines)


def line_of(file, path):
    for location in file.source_code_info.location:
        if list(location.path) == list(path):
            return location.span[0] + 1
    return 1


def read_messages(descriptor_set, proto_root, shown_root):
    limits = read_options(proto_root, shown_root)
    messages = []
    for file in descriptor_set.file:
        path = proto_root / file.name
        shown = path.relative_to(shown_root) if path.is_relative_to(shown_root) else path
        if file.syntax != "proto3":
            raise BadSchema(f"{shown}:1", "only proto3")
        for m, proto in enumerate(file.message_type):
            where = f"{shown}:{line_of(file, (4, m))}"
            message = Message(file.package, proto, where)
            skipped = limits.pop(message.full, None)
            if skipped and set(skipped.values) != {"skip_message"}:
                raise BadSchema(skipped.where, f"{message.full} is a message, not a field")
            for f, field in enumerate(proto.field):
                at = f"{shown}:{line_of(file, (4, m, 2, f))}"
                message.fields.append(Field(message, field, at, limits))
            message.place()
            messages.append((file.name, message))
    for name, unused in limits.items():
        raise BadSchema(unused.where, f"no such message or field: {name}")
    return messages


def check_nesting(messages):
    """No recursion, and no nesting deeper than the scanner's stack."""
    by_name = {f".{m.full}": m for _, m in messages}
    depth = {}

    def visit(name, path, where):
        if name in path:
            raise BadSchema(where, f"recursion through {name[1:]}")
        if name not in by_name:
            raise BadSchema(where, f"{name[1:]} is not of this schema")
        if name not in depth:
            inner = [visit(f.proto.type_name, path | {name}, f.where)
                     for f in by_name[name].fields if f.kind == "MESSAGE"]
            depth[name] = 1 + max(inner, default=0)
        return depth[name]

    for name, message in by_name.items():
        if visit(name, frozenset(), message.where) > DEPTH_MAX:
            raise BadSchema(message.where, f"{name[1:]} nests {depth[name]} deep: {DEPTH_MAX} at most")


HEAD = "/* Written by gen/generate from the .proto and .options files; do not edit. */\n"


def header(messages, prefix):
    guard = f"{prefix.upper()}_H"
    out = [HEAD, f"#ifndef {guard}\n#define {guard}\n", '#include "schema_table.h"\n',
           '#ifdef __cplusplus\nextern "C" {\n#endif\n']
    last = None
    for file, message in messages:
        if file != last:
            out.append(f"/* {file} */")
            last = file
        out.append(f"extern const lrm_schema_message {prefix}_{message.proto.name};")
    out.append(f"\n#define {prefix.upper()}_MESSAGES {len(messages)}\n")
    out.append("/* Every message, by its index. Naming it links every table. */")
    out.append(f"extern const lrm_schema_message *const {prefix}_messages"
               f"[{prefix.upper()}_MESSAGES];")
    out.append("/* protobuf-c's descriptor of every message, by its index. */")
    out.append("struct ProtobufCMessageDescriptor;")
    out.append(f"extern const struct ProtobufCMessageDescriptor *const {prefix}_descriptors"
               f"[{prefix.upper()}_MESSAGES];")
    out.append("\n#ifdef __cplusplus\n}\n#endif\n#endif\n")
    return "\n".join(out)


def tables(messages, prefix):
    out = [HEAD, '#include "schema.h"\n'.replace("schema.h", header_name(prefix))]
    out += [f'#include "{f[:-6]}.pb-c.h"' for f in sorted({f for f, _ in messages})]
    last = None
    for index, (file, message) in enumerate(messages):
        if file != last:
            out.append(f"\n/* {file} */")
            last = file
        name = message.proto.name
        if message.fields:
            out.append(f"\nstatic const lrm_schema_field fields_{name}[] = {{")
            out += [field.row(prefix) for field in message.fields]
            out.append("};")
        parts = [f'.name = "{name}"']
        if message.fields:
            parts += [f".fields = fields_{name}", f".fields_count = {len(message.fields)}"]
        parts += [f".index = {index}", f".struct_bytes = sizeof({message.c_type()})"]
        out.append(f"const lrm_schema_message {prefix}_{name} = {{")
        out.append(wrap("    ", parts, "};"))
    return "\n".join(out) + "\n"


def descriptors(messages, prefix):
    """Apart from the tables: a program that only checks messages need not link protobuf-c's."""
    out = [HEAD, f'#include "{header_name(prefix)}"\n']
    out += [f'#include "{f[:-6]}.pb-c.h"' for f in sorted({f for f, _ in messages})]
    size = f"{prefix.upper()}_MESSAGES"
    out.append(f"\nconst lrm_schema_message *const {prefix}_messages[{size}] = {{")
    out += [f"    &{prefix}_{m.proto.name}," for _, m in messages]
    out.append(f"}};\n\nconst struct ProtobufCMessageDescriptor *const {prefix}_descriptors"
               f"[{size}] = {{")
    out += [f"    &{m.descriptor()}," for _, m in messages]
    out.append("};\n")
    return "\n".join(out)


# What a fuzzer would hardly guess: edges of numbers, text and lengths.
EDGES = {
    "varint_u32_max": "ffffffff0f", "varint_2_32": "8080808010", "varint_i32_max": "ffffffff07",
    "varint_2_31": "8080808008", "varint_u64_max": "ffffffffffffffffff01",
    "varint_overlong": "8180808080808080808000", "utf8_2": "c3a9", "utf8_3": "e282ac",
    "utf8_4": "f48fbfbf", "utf8_surrogate": "eda080", "utf8_overlong": "c080",
    "utf8_too_large": "f4908080", "length_huge": "ffffffff0f",
}


def dictionary(messages):
    """For libFuzzer: every tag of the schema, and the edges."""
    wires = {"FIXED32": 5, "SFIXED32": 5, "FLOAT": 5, "FIXED64": 1, "SFIXED64": 1, "DOUBLE": 1,
             "STRING": 2, "BYTES": 2, "MESSAGE": 2}
    tags = {f.proto.number << 3 | wires.get(f.kind, 0) for _, m in messages for f in m.fields}
    out = [HEAD.replace("/* ", "# ").replace(" */", "")]
    for tag in sorted(tags):
        encoded = b""
        value = tag
        while value >= 0x80:
            encoded += bytes([value & 0x7F | 0x80])
            value >>= 7
        out.append(f'field_{tag >> 3}_wire_{tag & 7}="{escaped(encoded + bytes([value]))}"')
    out += [f'{name}="{escaped(bytes.fromhex(value))}"' for name, value in EDGES.items()]
    return "\n".join(out) + "\n"


def escaped(data):
    return "".join(f"\\x{b:02x}" for b in data)


def header_name(prefix):
    return prefix.replace("lrm_", "") + ".h"


def write(serialized, proto_root, shown_root, prefix, folder):
    """Writes schema.h, schema.c, schema_descriptors.c and schema.dict into `folder`."""
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(serialized)
    messages = read_messages(descriptor_set, proto_root, shown_root)
    check_nesting(messages)
    stem = header_name(prefix)[:-2]
    (folder / f"{stem}.h").write_text(header(messages, prefix))
    (folder / f"{stem}.c").write_text(tables(messages, prefix))
    (folder / f"{stem}_descriptors.c").write_text(descriptors(messages, prefix))
    (folder / f"{stem}.dict").write_text(dictionary(messages))
