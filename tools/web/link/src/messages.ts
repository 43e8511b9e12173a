/**
 * The messages of remote.v1, by protobuf-es (gen/ts). All but Batch and Frame: those are read and written by the module
 * alone (tools/check holds this).
 */
export * from "../../../../gen/ts/remote/v1/ask_pb.js";
export * from "../../../../gen/ts/remote/v1/command_pb.js";
export * from "../../../../gen/ts/remote/v1/event_pb.js";
export * from "../../../../gen/ts/remote/v1/link_pb.js";
export * from "../../../../gen/ts/remote/v1/policy_pb.js";
export * from "../../../../gen/ts/remote/v1/relay_pb.js";
export * from "../../../../gen/ts/remote/v1/session_pb.js";
export { create, fromBinary, toBinary, fromJson, toJson } from "@bufbuild/protobuf";
