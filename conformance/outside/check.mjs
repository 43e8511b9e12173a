// What protobuf-es makes of messages. For check.py.
//   check.mjs NPM-FOLDER DESCRIPTORS < lines of "TYPE HEX" > a line of JSON for each
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [packages, descriptors] = process.argv.slice(2);
const require = createRequire(join(resolve(packages), "index.js"));
const { createFileRegistry, fromBinary, toBinary } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));

const hex = (bytes) => Buffer.from(bytes).toString("hex");

// A frame as numbers; 64 bits become decimal text in JSON and are read as such.
function frameOf(frame) {
  return {
    type: frame.type, channel: frame.channel, offset: Number(frame.offset), count: frame.count,
    flags: frame.flags, inflated_bytes: frame.inflatedBytes, dictionary: frame.dictionary,
    credit: Number(frame.credit), part: frame.part, parts: frame.parts,
    payload: hex(frame.payload),
  };
}

function judge(type, bytes) {
  const schema = registry.getMessage(type);
  if (schema === undefined) throw new Error(`no message ${type}`);
  let message;
  try {
    message = fromBinary(schema, bytes);
  } catch (error) {
    return { taken: false, reencoded: "", frames: [], error: String(error) };
  }
  try {
    const reencoded = hex(toBinary(schema, message, { writeUnknownFields: false }));
    const frames = type === "remote.v1.Batch" ? message.frame.map(frameOf) : [];
    return { taken: true, reencoded, frames, error: "" };
  } catch (error) {
    return { taken: true, reencoded: "", frames: [], error: `cannot write: ${error}` };
  }
}

const lines = readFileSync(0, "utf8").split("\n").slice(0, -1);
for (const line of lines) {
  const [type, data] = line.split(" ");
  console.log(JSON.stringify(judge(type, Buffer.from(data, "hex"))));
}
