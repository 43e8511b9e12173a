/* Written by gen/generate from the .proto and .options files; do not edit. */

#include "schema.h"

#include "remote/v1/ask.pb-c.h"
#include "remote/v1/command.pb-c.h"
#include "remote/v1/event.pb-c.h"
#include "remote/v1/frame.pb-c.h"
#include "remote/v1/link.pb-c.h"
#include "remote/v1/policy.pb-c.h"
#include "remote/v1/relay.pb-c.h"
#include "remote/v1/session.pb-c.h"

/* remote/v1/link.proto */

static const lrm_schema_field fields_Limits[] = {
    {.name = "frame_bytes", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "message_bytes", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
    {.name = "inflated_bytes", .number = 3, .kind = LRM_SCHEMA_UINT32, .slot = 2},
    {.name = "channels", .number = 4, .kind = LRM_SCHEMA_UINT32, .slot = 3},
    {.name = "commands_unacknowledged", .number = 5, .kind = LRM_SCHEMA_UINT32, .slot = 4},
};
const lrm_schema_message lrm_schema_Limits = {
    .name = "Limits", .fields = fields_Limits, .fields_count = 5, .index = 0,
    .struct_bytes = sizeof(Remote__V1__Limits)};

static const lrm_schema_field fields_Hello[] = {
    {.name = "version_min", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "version_max", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
    {.name = "link_id", .number = 3, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 2},
    {.name = "generation", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "exchange", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "token", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 128, .slot = 5},
    {.name = "role", .number = 7, .kind = LRM_SCHEMA_ENUM, .slot = 6},
    {.name = "agent", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 7},
    {.name = "features", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .count_max = 16,
     .slot = 0},
    {.name = "limits", .number = 10, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Limits,
     .slot = 8},
};
const lrm_schema_message lrm_schema_Hello = {
    .name = "Hello", .fields = fields_Hello, .fields_count = 10, .index = 1,
    .struct_bytes = sizeof(Remote__V1__Hello)};

static const lrm_schema_field fields_Principal[] = {
    {.name = "account", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "device_id", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 1},
    {.name = "device", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 2},
};
const lrm_schema_message lrm_schema_Principal = {
    .name = "Principal", .fields = fields_Principal, .fields_count = 3, .index = 2,
    .struct_bytes = sizeof(Remote__V1__Principal)};

static const lrm_schema_field fields_Welcome[] = {
    {.name = "version", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "features", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .count_max = 16,
     .slot = 0},
    {.name = "limits", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Limits,
     .slot = 1},
    {.name = "heartbeat_ms", .number = 4, .kind = LRM_SCHEMA_UINT32, .slot = 2},
    {.name = "server_time_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "principal", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Principal,
     .slot = 4},
    {.name = "agent", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 5},
};
const lrm_schema_message lrm_schema_Welcome = {
    .name = "Welcome", .fields = fields_Welcome, .fields_count = 7, .index = 3,
    .struct_bytes = sizeof(Remote__V1__Welcome)};

static const lrm_schema_field fields_Problem[] = {
    {.name = "code", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "reason", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "layer", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "retry_after_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "stored_generation", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "retry_helps", .number = 6, .kind = LRM_SCHEMA_BOOL, .slot = 5},
};
const lrm_schema_message lrm_schema_Problem = {
    .name = "Problem", .fields = fields_Problem, .fields_count = 6, .index = 4,
    .struct_bytes = sizeof(Remote__V1__Problem)};

static const lrm_schema_field fields_SessionDescription[] = {
    {.name = "title", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "repository", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "branch", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "cwd", .number = 4, .kind = LRM_SCHEMA_BYTES, .bytes_max = 256, .slot = 3},
    {.name = "host", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 4},
    {.name = "os", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 5},
    {.name = "agent", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 6},
    {.name = "agent_version", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 7},
    {.name = "headless", .number = 9, .kind = LRM_SCHEMA_BOOL, .slot = 8},
    {.name = "created_ms", .number = 10, .kind = LRM_SCHEMA_UINT64, .slot = 9},
};
const lrm_schema_message lrm_schema_SessionDescription = {
    .name = "SessionDescription", .fields = fields_SessionDescription, .fields_count = 10,
    .index = 5, .struct_bytes = sizeof(Remote__V1__SessionDescription)};

static const lrm_schema_field fields_Open[] = {
    {.name = "session_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "log", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "direction", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "epoch", .number = 4, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 3},
    {.name = "next", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "until", .number = 6, .kind = LRM_SCHEMA_UINT64, .slot = 5},
    {.name = "first_retained", .number = 7, .kind = LRM_SCHEMA_UINT64, .slot = 6},
    {.name = "writer_generation", .number = 8, .kind = LRM_SCHEMA_UINT64, .slot = 7},
    {.name = "needs", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .count_max = 16,
     .slot = 0},
    {.name = "start", .number = 10, .kind = LRM_SCHEMA_ENUM, .slot = 8},
    {.name = "description", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionDescription, .slot = 9},
};
const lrm_schema_message lrm_schema_Open = {
    .name = "Open", .fields = fields_Open, .fields_count = 11, .index = 6,
    .struct_bytes = sizeof(Remote__V1__Open)};

static const lrm_schema_field fields_Opened[] = {
    {.name = "epoch", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "next", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "watermark", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "outcome", .number = 4, .kind = LRM_SCHEMA_ENUM, .slot = 3},
    {.name = "last_writer_generation", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "ceiling", .number = 6, .kind = LRM_SCHEMA_ENUM, .slot = 5},
    {.name = "ceiling_layer", .number = 7, .kind = LRM_SCHEMA_ENUM, .slot = 6},
};
const lrm_schema_message lrm_schema_Opened = {
    .name = "Opened", .fields = fields_Opened, .fields_count = 7, .index = 7,
    .struct_bytes = sizeof(Remote__V1__Opened)};

static const lrm_schema_field fields_AttachedDevice[] = {
    {.name = "device_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "role", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "since_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
};
const lrm_schema_message lrm_schema_AttachedDevice = {
    .name = "AttachedDevice", .fields = fields_AttachedDevice, .fields_count = 4, .index = 8,
    .struct_bytes = sizeof(Remote__V1__AttachedDevice)};

static const lrm_schema_field fields_LogStatus[] = {
    {.name = "host_attached", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
    {.name = "host_since_ms", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "host_heard_ms", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "now_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "events_epoch", .number = 5, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 4},
    {.name = "events_next", .number = 6, .kind = LRM_SCHEMA_UINT64, .slot = 5},
    {.name = "commands_epoch", .number = 7, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 6},
    {.name = "commands_stored", .number = 8, .kind = LRM_SCHEMA_UINT64, .slot = 7},
    {.name = "commands_delivered", .number = 9, .kind = LRM_SCHEMA_UINT64, .slot = 8},
    {.name = "ceiling", .number = 10, .kind = LRM_SCHEMA_ENUM, .slot = 9},
    {.name = "attached", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AttachedDevice, .count_max = 8, .slot = 0},
    {.name = "attached_total", .number = 12, .kind = LRM_SCHEMA_UINT32, .slot = 10},
    {.name = "events_first", .number = 13, .kind = LRM_SCHEMA_UINT64, .slot = 11},
    {.name = "ceiling_layer", .number = 14, .kind = LRM_SCHEMA_ENUM, .slot = 12},
};
const lrm_schema_message lrm_schema_LogStatus = {
    .name = "LogStatus", .fields = fields_LogStatus, .fields_count = 14, .index = 9,
    .struct_bytes = sizeof(Remote__V1__LogStatus)};

static const lrm_schema_field fields_Stored[] = {
    {.name = "epoch", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "offset", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
};
const lrm_schema_message lrm_schema_Stored = {
    .name = "Stored", .fields = fields_Stored, .fields_count = 2, .index = 10,
    .struct_bytes = sizeof(Remote__V1__Stored)};

static const lrm_schema_field fields_Receipt[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "stored", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Stored,
     .oneof = 1, .slot = 1},
    {.name = "problem", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Problem,
     .oneof = 1, .slot = 1},
};
const lrm_schema_message lrm_schema_Receipt = {
    .name = "Receipt", .fields = fields_Receipt, .fields_count = 3, .index = 11,
    .struct_bytes = sizeof(Remote__V1__Receipt)};

static const lrm_schema_field fields_Origin[] = {
    {.name = "account", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "device_id", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 1},
    {.name = "device", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 2},
    {.name = "surface", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 3},
};
const lrm_schema_message lrm_schema_Origin = {
    .name = "Origin", .fields = fields_Origin, .fields_count = 4, .index = 12,
    .struct_bytes = sizeof(Remote__V1__Origin)};

static const lrm_schema_field fields_CommandEnvelope[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "class", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "ttl_ms", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "event_epoch", .number = 4, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 3},
    {.name = "command", .number = 5, .kind = LRM_SCHEMA_BYTES, .bytes_max = 196608, .slot = 4},
    {.name = "origin", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Origin,
     .slot = 5},
    {.name = "received_ms", .number = 7, .kind = LRM_SCHEMA_UINT64, .slot = 6},
};
const lrm_schema_message lrm_schema_CommandEnvelope = {
    .name = "CommandEnvelope", .fields = fields_CommandEnvelope, .fields_count = 7, .index = 13,
    .struct_bytes = sizeof(Remote__V1__CommandEnvelope)};

static const lrm_schema_field fields_AskOptionInfo[] = {
    {.name = "option_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "label", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
};
const lrm_schema_message lrm_schema_AskOptionInfo = {
    .name = "AskOptionInfo", .fields = fields_AskOptionInfo, .fields_count = 2, .index = 14,
    .struct_bytes = sizeof(Remote__V1__AskOptionInfo)};

static const lrm_schema_field fields_OpenAskInfo[] = {
    {.name = "ask_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "kind", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 120, .slot = 2},
    {.name = "options", .number = 4, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AskOptionInfo, .count_max = 6, .slot = 0},
};
const lrm_schema_message lrm_schema_OpenAskInfo = {
    .name = "OpenAskInfo", .fields = fields_OpenAskInfo, .fields_count = 4, .index = 15,
    .struct_bytes = sizeof(Remote__V1__OpenAskInfo)};

static const lrm_schema_field fields_OutcomeInfo[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "outcome", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
    {.name = "code", .number = 3, .kind = LRM_SCHEMA_UINT32, .slot = 2},
};
const lrm_schema_message lrm_schema_OutcomeInfo = {
    .name = "OutcomeInfo", .fields = fields_OutcomeInfo, .fields_count = 3, .index = 16,
    .struct_bytes = sizeof(Remote__V1__OutcomeInfo)};

static const lrm_schema_field fields_SessionInfo[] = {
    {.name = "title", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "status", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "status_since_ms", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "activity", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 120, .slot = 3},
    {.name = "plan_done", .number = 5, .kind = LRM_SCHEMA_UINT32, .slot = 4},
    {.name = "plan_total", .number = 6, .kind = LRM_SCHEMA_UINT32, .slot = 5},
    {.name = "asks", .number = 7, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_OpenAskInfo,
     .count_max = 3, .slot = 0},
    {.name = "asks_total", .number = 8, .kind = LRM_SCHEMA_UINT32, .slot = 6},
    {.name = "outcomes", .number = 9, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_OutcomeInfo, .count_max = 8, .slot = 1},
    {.name = "local_input_ms", .number = 10, .kind = LRM_SCHEMA_UINT64, .slot = 7},
    {.name = "remote_mode", .number = 11, .kind = LRM_SCHEMA_UINT32, .slot = 8},
    {.name = "sealed", .number = 15, .kind = LRM_SCHEMA_BYTES, .bytes_max = 1000, .slot = 9},
};
const lrm_schema_message lrm_schema_SessionInfo = {
    .name = "SessionInfo", .fields = fields_SessionInfo, .fields_count = 12, .index = 17,
    .struct_bytes = sizeof(Remote__V1__SessionInfo)};

/* remote/v1/ask.proto */

static const lrm_schema_field fields_AskOption[] = {
    {.name = "option_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "label", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "kind", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "description", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 3},
};
const lrm_schema_message lrm_schema_AskOption = {
    .name = "AskOption", .fields = fields_AskOption, .fields_count = 4, .index = 18,
    .struct_bytes = sizeof(Remote__V1__AskOption)};

static const lrm_schema_field fields_Diff[] = {
    {.name = "path", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 4096, .slot = 0},
    {.name = "old_text", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 1},
    {.name = "new_text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 2},
    {.name = "new_file", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
    {.name = "old_asset_id", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 4},
    {.name = "new_asset_id", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 5},
};
const lrm_schema_message lrm_schema_Diff = {
    .name = "Diff", .fields = fields_Diff, .fields_count = 6, .index = 19,
    .struct_bytes = sizeof(Remote__V1__Diff)};

static const lrm_schema_field fields_Json[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 0},
    {.name = "total_bytes", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "asset_id", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
};
const lrm_schema_message lrm_schema_Json = {
    .name = "Json", .fields = fields_Json, .fields_count = 3, .index = 20,
    .struct_bytes = sizeof(Remote__V1__Json)};

static const lrm_schema_field fields_PermissionAsk[] = {
    {.name = "kind", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "title", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
    {.name = "command", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 2},
    {.name = "paths", .number = 4, .kind = LRM_SCHEMA_BYTES, .bytes_max = 4096, .count_max = 64,
     .slot = 0},
    {.name = "url", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 2048, .slot = 3},
    {.name = "tool", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 4},
    {.name = "server", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 5},
    {.name = "diffs", .number = 8, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Diff,
     .count_max = 16, .slot = 1},
    {.name = "place", .number = 9, .kind = LRM_SCHEMA_ENUM, .slot = 6},
    {.name = "risk", .number = 10, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 7},
    {.name = "one_time_only", .number = 11, .kind = LRM_SCHEMA_BOOL, .slot = 8},
    {.name = "input", .number = 12, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .slot = 9},
};
const lrm_schema_message lrm_schema_PermissionAsk = {
    .name = "PermissionAsk", .fields = fields_PermissionAsk, .fields_count = 12, .index = 21,
    .struct_bytes = sizeof(Remote__V1__PermissionAsk)};

static const lrm_schema_field fields_QuestionAsk[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 0},
    {.name = "free_text", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "multiple", .number = 3, .kind = LRM_SCHEMA_BOOL, .slot = 2},
};
const lrm_schema_message lrm_schema_QuestionAsk = {
    .name = "QuestionAsk", .fields = fields_QuestionAsk, .fields_count = 3, .index = 22,
    .struct_bytes = sizeof(Remote__V1__QuestionAsk)};

static const lrm_schema_field fields_PlanAsk[] = {
    {.name = "summary", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 0},
    {.name = "text", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 1},
    {.name = "recommended", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
};
const lrm_schema_message lrm_schema_PlanAsk = {
    .name = "PlanAsk", .fields = fields_PlanAsk, .fields_count = 3, .index = 23,
    .struct_bytes = sizeof(Remote__V1__PlanAsk)};

static const lrm_schema_field fields_FormChoice[] = {
    {.name = "value", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "label", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
};
const lrm_schema_message lrm_schema_FormChoice = {
    .name = "FormChoice", .fields = fields_FormChoice, .fields_count = 2, .index = 24,
    .struct_bytes = sizeof(Remote__V1__FormChoice)};

static const lrm_schema_field fields_FormField[] = {
    {.name = "name", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "title", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "description", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
    {.name = "type", .number = 4, .kind = LRM_SCHEMA_ENUM, .slot = 3},
    {.name = "required", .number = 5, .kind = LRM_SCHEMA_BOOL, .slot = 4},
    {.name = "choices", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_FormChoice,
     .count_max = 64, .slot = 0},
    {.name = "default_json", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 5},
    {.name = "schema", .number = 8, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .slot = 6},
};
const lrm_schema_message lrm_schema_FormField = {
    .name = "FormField", .fields = fields_FormField, .fields_count = 8, .index = 25,
    .struct_bytes = sizeof(Remote__V1__FormField)};

static const lrm_schema_field fields_FormAsk[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 0},
    {.name = "fields", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_FormField,
     .count_max = 32, .slot = 0},
};
const lrm_schema_message lrm_schema_FormAsk = {
    .name = "FormAsk", .fields = fields_FormAsk, .fields_count = 2, .index = 26,
    .struct_bytes = sizeof(Remote__V1__FormAsk)};

static const lrm_schema_field fields_OpenUrlAsk[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 0},
    {.name = "url", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 2048, .slot = 1},
    {.name = "elicitation_id", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
};
const lrm_schema_message lrm_schema_OpenUrlAsk = {
    .name = "OpenUrlAsk", .fields = fields_OpenUrlAsk, .fields_count = 3, .index = 27,
    .struct_bytes = sizeof(Remote__V1__OpenUrlAsk)};

static const lrm_schema_field fields_LimitAsk[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 0},
    {.name = "free_text", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
};
const lrm_schema_message lrm_schema_LimitAsk = {
    .name = "LimitAsk", .fields = fields_LimitAsk, .fields_count = 2, .index = 28,
    .struct_bytes = sizeof(Remote__V1__LimitAsk)};

static const lrm_schema_field fields_Ask[] = {
    {.name = "ask_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "tool_call_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "agent_id", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "turn_id", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 3},
    {.name = "opened_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "expires_ms", .number = 6, .kind = LRM_SCHEMA_UINT64, .slot = 5},
    {.name = "on_expiry", .number = 7, .kind = LRM_SCHEMA_ENUM, .slot = 6},
    {.name = "why", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 7},
    {.name = "options", .number = 9, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_AskOption,
     .count_max = 32, .slot = 0},
    {.name = "permission", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PermissionAsk, .oneof = 1, .slot = 8},
    {.name = "question", .number = 12, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_QuestionAsk, .oneof = 1, .slot = 8},
    {.name = "plan", .number = 13, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PlanAsk,
     .oneof = 1, .slot = 8},
    {.name = "form", .number = 14, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_FormAsk,
     .oneof = 1, .slot = 8},
    {.name = "open_url", .number = 15, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_OpenUrlAsk, .oneof = 1, .slot = 8},
    {.name = "limit", .number = 16, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_LimitAsk,
     .oneof = 1, .slot = 8},
};
const lrm_schema_message lrm_schema_Ask = {
    .name = "Ask", .fields = fields_Ask, .fields_count = 15, .index = 29,
    .struct_bytes = sizeof(Remote__V1__Ask)};

static const lrm_schema_field fields_Actor[] = {
    {.name = "local", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
    {.name = "origin", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Origin,
     .slot = 1},
};
const lrm_schema_message lrm_schema_Actor = {
    .name = "Actor", .fields = fields_Actor, .fields_count = 2, .index = 30,
    .struct_bytes = sizeof(Remote__V1__Actor)};

static const lrm_schema_field fields_AnswerContent[] = {
    {.name = "option_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "more_option_ids", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127,
     .count_max = 32, .slot = 0},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 1},
    {.name = "json", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 2},
    {.name = "comment", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 3},
    {.name = "declined", .number = 6, .kind = LRM_SCHEMA_BOOL, .slot = 4},
};
const lrm_schema_message lrm_schema_AnswerContent = {
    .name = "AnswerContent", .fields = fields_AnswerContent, .fields_count = 6, .index = 31,
    .struct_bytes = sizeof(Remote__V1__AnswerContent)};

static const lrm_schema_field fields_AskResolved[] = {
    {.name = "ask_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "outcome", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "answer", .number = 3, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AnswerContent, .slot = 2},
    {.name = "by", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 3},
    {.name = "at_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "command_id", .number = 6, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 5},
    {.name = "reason", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 6},
    {.name = "option_kind", .number = 8, .kind = LRM_SCHEMA_ENUM, .slot = 7},
};
const lrm_schema_message lrm_schema_AskResolved = {
    .name = "AskResolved", .fields = fields_AskResolved, .fields_count = 8, .index = 32,
    .struct_bytes = sizeof(Remote__V1__AskResolved)};

/* remote/v1/command.proto */

static const lrm_schema_field fields_SubmitPrompt[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 131072, .slot = 0},
    {.name = "attachment_ids", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16,
     .count_max = 16, .slot = 0},
    {.name = "delivery", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 1},
};
const lrm_schema_message lrm_schema_SubmitPrompt = {
    .name = "SubmitPrompt", .fields = fields_SubmitPrompt, .fields_count = 3, .index = 33,
    .struct_bytes = sizeof(Remote__V1__SubmitPrompt)};

static const lrm_schema_field fields_AttachmentChunk[] = {
    {.name = "attachment_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "total", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "media_type", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 3},
    {.name = "name", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 4},
    {.name = "sha256", .number = 6, .kind = LRM_SCHEMA_BYTES, .bytes_max = 32, .slot = 5},
    {.name = "data", .number = 7, .kind = LRM_SCHEMA_BYTES, .bytes_max = 131072, .slot = 6},
};
const lrm_schema_message lrm_schema_AttachmentChunk = {
    .name = "AttachmentChunk", .fields = fields_AttachmentChunk, .fields_count = 7, .index = 34,
    .struct_bytes = sizeof(Remote__V1__AttachmentChunk)};

static const lrm_schema_field fields_AnswerAsk[] = {
    {.name = "ask_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "answer", .number = 2, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AnswerContent, .slot = 1},
};
const lrm_schema_message lrm_schema_AnswerAsk = {
    .name = "AnswerAsk", .fields = fields_AnswerAsk, .fields_count = 2, .index = 35,
    .struct_bytes = sizeof(Remote__V1__AnswerAsk)};

static const lrm_schema_field fields_SetMode[] = {
    {.name = "mode_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
};
const lrm_schema_message lrm_schema_SetMode = {
    .name = "SetMode", .fields = fields_SetMode, .fields_count = 1, .index = 36,
    .struct_bytes = sizeof(Remote__V1__SetMode)};

static const lrm_schema_field fields_SetConfigOption[] = {
    {.name = "option_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "value", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
};
const lrm_schema_message lrm_schema_SetConfigOption = {
    .name = "SetConfigOption", .fields = fields_SetConfigOption, .fields_count = 2, .index = 37,
    .struct_bytes = sizeof(Remote__V1__SetConfigOption)};

static const lrm_schema_field fields_SetTitle[] = {
    {.name = "title", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
};
const lrm_schema_message lrm_schema_SetTitle = {
    .name = "SetTitle", .fields = fields_SetTitle, .fields_count = 1, .index = 38,
    .struct_bytes = sizeof(Remote__V1__SetTitle)};

static const lrm_schema_field fields_CancelTurn[] = {
    {.name = "turn_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
};
const lrm_schema_message lrm_schema_CancelTurn = {
    .name = "CancelTurn", .fields = fields_CancelTurn, .fields_count = 1, .index = 39,
    .struct_bytes = sizeof(Remote__V1__CancelTurn)};

static const lrm_schema_field fields_WithdrawCommand[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
};
const lrm_schema_message lrm_schema_WithdrawCommand = {
    .name = "WithdrawCommand", .fields = fields_WithdrawCommand, .fields_count = 1, .index = 40,
    .struct_bytes = sizeof(Remote__V1__WithdrawCommand)};

static const lrm_schema_field fields_QueryOutcome[] = {
    {.name = "command_ids", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .count_max = 64,
     .slot = 0},
};
const lrm_schema_message lrm_schema_QueryOutcome = {
    .name = "QueryOutcome", .fields = fields_QueryOutcome, .fields_count = 1, .index = 41,
    .struct_bytes = sizeof(Remote__V1__QueryOutcome)};

static const lrm_schema_field fields_RunSlashCommand[] = {
    {.name = "name", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "arguments", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 1},
};
const lrm_schema_message lrm_schema_RunSlashCommand = {
    .name = "RunSlashCommand", .fields = fields_RunSlashCommand, .fields_count = 2, .index = 42,
    .struct_bytes = sizeof(Remote__V1__RunSlashCommand)};
const lrm_schema_message lrm_schema_RequestSnapshot = {
    .name = "RequestSnapshot", .index = 43, .struct_bytes = sizeof(Remote__V1__RequestSnapshot)};

static const lrm_schema_field fields_Probe[] = {
    {.name = "nonce", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
};
const lrm_schema_message lrm_schema_Probe = {
    .name = "Probe", .fields = fields_Probe, .fields_count = 1, .index = 44,
    .struct_bytes = sizeof(Remote__V1__Probe)};
const lrm_schema_message lrm_schema_EndRemote = {
    .name = "EndRemote", .index = 45, .struct_bytes = sizeof(Remote__V1__EndRemote)};

static const lrm_schema_field fields_Command[] = {
    {.name = "submit_prompt", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SubmitPrompt, .oneof = 1, .slot = 0},
    {.name = "attachment_chunk", .number = 2, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AttachmentChunk, .oneof = 1, .slot = 0},
    {.name = "answer_ask", .number = 3, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AnswerAsk, .oneof = 1, .slot = 0},
    {.name = "set_mode", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_SetMode,
     .oneof = 1, .slot = 0},
    {.name = "set_config_option", .number = 5, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SetConfigOption, .oneof = 1, .slot = 0},
    {.name = "set_title", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_SetTitle,
     .oneof = 1, .slot = 0},
    {.name = "cancel_turn", .number = 7, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_CancelTurn, .oneof = 1, .slot = 0},
    {.name = "withdraw_command", .number = 8, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_WithdrawCommand, .oneof = 1, .slot = 0},
    {.name = "query_outcome", .number = 9, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_QueryOutcome, .oneof = 1, .slot = 0},
    {.name = "run_slash_command", .number = 10, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_RunSlashCommand, .oneof = 1, .slot = 0},
    {.name = "request_snapshot", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_RequestSnapshot, .oneof = 1, .slot = 0},
    {.name = "probe", .number = 12, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Probe,
     .oneof = 1, .slot = 0},
    {.name = "end_remote", .number = 13, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_EndRemote, .oneof = 1, .slot = 0},
};
const lrm_schema_message lrm_schema_Command = {
    .name = "Command", .fields = fields_Command, .fields_count = 13, .index = 46,
    .struct_bytes = sizeof(Remote__V1__Command)};

static const lrm_schema_field fields_KnownOutcome[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "outcome", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "code", .number = 3, .kind = LRM_SCHEMA_UINT32, .slot = 2},
    {.name = "pending", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_KnownOutcome = {
    .name = "KnownOutcome", .fields = fields_KnownOutcome, .fields_count = 4, .index = 47,
    .struct_bytes = sizeof(Remote__V1__KnownOutcome)};

static const lrm_schema_field fields_CommandOutcome[] = {
    {.name = "command_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "outcome", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "code", .number = 3, .kind = LRM_SCHEMA_UINT32, .slot = 2},
    {.name = "reason", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 3},
    {.name = "resolution", .number = 5, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AskResolved, .slot = 4},
    {.name = "turn_id", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 5},
    {.name = "known", .number = 7, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_KnownOutcome,
     .count_max = 64, .slot = 0},
    {.name = "kind", .number = 8, .kind = LRM_SCHEMA_ENUM, .slot = 6},
    {.name = "by", .number = 9, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 7},
    {.name = "nonce", .number = 10, .kind = LRM_SCHEMA_UINT64, .slot = 8},
    {.name = "layer", .number = 11, .kind = LRM_SCHEMA_ENUM, .slot = 9},
};
const lrm_schema_message lrm_schema_CommandOutcome = {
    .name = "CommandOutcome", .fields = fields_CommandOutcome, .fields_count = 11, .index = 48,
    .struct_bytes = sizeof(Remote__V1__CommandOutcome)};

/* remote/v1/session.proto */

static const lrm_schema_field fields_SessionStarted[] = {
    {.name = "interactive", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
    {.name = "headless", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "agent", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 2},
    {.name = "agent_version", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 3},
    {.name = "agent_protocol", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 4},
    {.name = "cwd", .number = 6, .kind = LRM_SCHEMA_BYTES, .bytes_max = 4096, .slot = 5},
    {.name = "repository", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 6},
    {.name = "branch", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 7},
    {.name = "title", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 8},
    {.name = "host", .number = 10, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 9},
    {.name = "os", .number = 11, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 10},
    {.name = "can_steer", .number = 12, .kind = LRM_SCHEMA_BOOL, .slot = 11},
    {.name = "agent_session_id", .number = 13, .kind = LRM_SCHEMA_STRING, .bytes_max = 127,
     .slot = 12},
};
const lrm_schema_message lrm_schema_SessionStarted = {
    .name = "SessionStarted", .fields = fields_SessionStarted, .fields_count = 13, .index = 49,
    .struct_bytes = sizeof(Remote__V1__SessionStarted)};

static const lrm_schema_field fields_Notice[] = {
    {.name = "level", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "text", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 1},
    {.name = "url", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 2048, .slot = 2},
    {.name = "topic", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 3},
};
const lrm_schema_message lrm_schema_Notice = {
    .name = "Notice", .fields = fields_Notice, .fields_count = 4, .index = 50,
    .struct_bytes = sizeof(Remote__V1__Notice)};

static const lrm_schema_field fields_Attachment[] = {
    {.name = "asset_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
    {.name = "media_type", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "size", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
};
const lrm_schema_message lrm_schema_Attachment = {
    .name = "Attachment", .fields = fields_Attachment, .fields_count = 4, .index = 51,
    .struct_bytes = sizeof(Remote__V1__Attachment)};

static const lrm_schema_field fields_UserMessage[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "text", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 1},
    {.name = "attachments", .number = 3, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_Attachment, .count_max = 16, .slot = 0},
    {.name = "by", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 2},
    {.name = "command_id", .number = 5, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 3},
    {.name = "delivery", .number = 6, .kind = LRM_SCHEMA_ENUM, .slot = 4},
    {.name = "asset_id", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 5},
};
const lrm_schema_message lrm_schema_UserMessage = {
    .name = "UserMessage", .fields = fields_UserMessage, .fields_count = 7, .index = 52,
    .struct_bytes = sizeof(Remote__V1__UserMessage)};

static const lrm_schema_field fields_AssistantMessage[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 2},
    {.name = "attachments", .number = 4, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_Attachment, .count_max = 16, .slot = 0},
    {.name = "more", .number = 5, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_AssistantMessage = {
    .name = "AssistantMessage", .fields = fields_AssistantMessage, .fields_count = 5, .index = 53,
    .struct_bytes = sizeof(Remote__V1__AssistantMessage)};

static const lrm_schema_field fields_Thought[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 2},
    {.name = "more", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_Thought = {
    .name = "Thought", .fields = fields_Thought, .fields_count = 4, .index = 54,
    .struct_bytes = sizeof(Remote__V1__Thought)};

static const lrm_schema_field fields_QueuedPrompt[] = {
    {.name = "prompt_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "command_id", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
    {.name = "by", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 3},
    {.name = "at_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
};
const lrm_schema_message lrm_schema_QueuedPrompt = {
    .name = "QueuedPrompt", .fields = fields_QueuedPrompt, .fields_count = 5, .index = 55,
    .struct_bytes = sizeof(Remote__V1__QueuedPrompt)};

static const lrm_schema_field fields_Location[] = {
    {.name = "path", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 4096, .slot = 0},
    {.name = "line", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
};
const lrm_schema_message lrm_schema_Location = {
    .name = "Location", .fields = fields_Location, .fields_count = 2, .index = 56,
    .struct_bytes = sizeof(Remote__V1__Location)};

static const lrm_schema_field fields_AssetReference[] = {
    {.name = "asset_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "media_type", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "name", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
};
const lrm_schema_message lrm_schema_AssetReference = {
    .name = "AssetReference", .fields = fields_AssetReference, .fields_count = 3, .index = 57,
    .struct_bytes = sizeof(Remote__V1__AssetReference)};

static const lrm_schema_field fields_ToolContent[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .oneof = 1,
     .slot = 0},
    {.name = "diff", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Diff,
     .oneof = 1, .slot = 0},
    {.name = "image", .number = 3, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AssetReference, .oneof = 1, .slot = 0},
    {.name = "resource", .number = 4, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AssetReference, .oneof = 1, .slot = 0},
    {.name = "terminal_id", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .oneof = 1,
     .slot = 0},
    {.name = "other", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .oneof = 1, .slot = 0},
    {.name = "asset_id", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
};
const lrm_schema_message lrm_schema_ToolContent = {
    .name = "ToolContent", .fields = fields_ToolContent, .fields_count = 7, .index = 58,
    .struct_bytes = sizeof(Remote__V1__ToolContent)};

static const lrm_schema_field fields_ToolState[] = {
    {.name = "tool_call_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "title", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
    {.name = "kind", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "status", .number = 4, .kind = LRM_SCHEMA_ENUM, .slot = 3},
    {.name = "input", .number = 5, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .slot = 4},
    {.name = "locations", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Location,
     .count_max = 64, .slot = 0},
    {.name = "parent_id", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 5},
    {.name = "content", .number = 8, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolContent,
     .count_max = 16, .slot = 1},
    {.name = "name", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 6},
    {.name = "output", .number = 10, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16384, .slot = 7},
    {.name = "output_position", .number = 11, .kind = LRM_SCHEMA_UINT64, .slot = 8},
    {.name = "stdout_bytes", .number = 12, .kind = LRM_SCHEMA_UINT64, .slot = 9},
    {.name = "stderr_bytes", .number = 13, .kind = LRM_SCHEMA_UINT64, .slot = 10},
};
const lrm_schema_message lrm_schema_ToolState = {
    .name = "ToolState", .fields = fields_ToolState, .fields_count = 13, .index = 59,
    .struct_bytes = sizeof(Remote__V1__ToolState)};

static const lrm_schema_field fields_Mode[] = {
    {.name = "mode_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "description", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
    {.name = "elevating", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_Mode = {
    .name = "Mode", .fields = fields_Mode, .fields_count = 4, .index = 60,
    .struct_bytes = sizeof(Remote__V1__Mode)};

static const lrm_schema_field fields_ModesChanged[] = {
    {.name = "modes", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Mode,
     .count_max = 32, .slot = 0},
    {.name = "current_mode_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255,
     .slot = 0},
    {.name = "by", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 1},
};
const lrm_schema_message lrm_schema_ModesChanged = {
    .name = "ModesChanged", .fields = fields_ModesChanged, .fields_count = 3, .index = 61,
    .struct_bytes = sizeof(Remote__V1__ModesChanged)};

static const lrm_schema_field fields_ConfigValue[] = {
    {.name = "value", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "description", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
    {.name = "elevating", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
    {.name = "group", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 4},
};
const lrm_schema_message lrm_schema_ConfigValue = {
    .name = "ConfigValue", .fields = fields_ConfigValue, .fields_count = 5, .index = 62,
    .struct_bytes = sizeof(Remote__V1__ConfigValue)};

static const lrm_schema_field fields_ConfigOption[] = {
    {.name = "option_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "description", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
    {.name = "category", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 3},
    {.name = "boolean", .number = 5, .kind = LRM_SCHEMA_BOOL, .slot = 4},
    {.name = "current_value", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 5},
    {.name = "values", .number = 7, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ConfigValue,
     .count_max = 256, .slot = 0},
};
const lrm_schema_message lrm_schema_ConfigOption = {
    .name = "ConfigOption", .fields = fields_ConfigOption, .fields_count = 7, .index = 63,
    .struct_bytes = sizeof(Remote__V1__ConfigOption)};

static const lrm_schema_field fields_ConfigOptionsChanged[] = {
    {.name = "options", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ConfigOption, .count_max = 32, .slot = 0},
    {.name = "by", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 0},
};
const lrm_schema_message lrm_schema_ConfigOptionsChanged = {
    .name = "ConfigOptionsChanged", .fields = fields_ConfigOptionsChanged, .fields_count = 2,
    .index = 64, .struct_bytes = sizeof(Remote__V1__ConfigOptionsChanged)};

static const lrm_schema_field fields_SlashCommand[] = {
    {.name = "name", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "description", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
    {.name = "input_hint", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 2},
    {.name = "remote_allowed", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_SlashCommand = {
    .name = "SlashCommand", .fields = fields_SlashCommand, .fields_count = 4, .index = 65,
    .struct_bytes = sizeof(Remote__V1__SlashCommand)};

static const lrm_schema_field fields_SlashCommandsChanged[] = {
    {.name = "commands", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SlashCommand, .count_max = 256, .slot = 0},
};
const lrm_schema_message lrm_schema_SlashCommandsChanged = {
    .name = "SlashCommandsChanged", .fields = fields_SlashCommandsChanged, .fields_count = 1,
    .index = 66, .struct_bytes = sizeof(Remote__V1__SlashCommandsChanged)};

static const lrm_schema_field fields_PlanEntry[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 0},
    {.name = "status", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "priority", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
};
const lrm_schema_message lrm_schema_PlanEntry = {
    .name = "PlanEntry", .fields = fields_PlanEntry, .fields_count = 3, .index = 67,
    .struct_bytes = sizeof(Remote__V1__PlanEntry)};

static const lrm_schema_field fields_PlanUpdated[] = {
    {.name = "entries", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PlanEntry,
     .count_max = 128, .slot = 0},
};
const lrm_schema_message lrm_schema_PlanUpdated = {
    .name = "PlanUpdated", .fields = fields_PlanUpdated, .fields_count = 1, .index = 68,
    .struct_bytes = sizeof(Remote__V1__PlanUpdated)};

static const lrm_schema_field fields_PlanDocumentChanged[] = {
    {.name = "text", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 0},
    {.name = "asset_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
};
const lrm_schema_message lrm_schema_PlanDocumentChanged = {
    .name = "PlanDocumentChanged", .fields = fields_PlanDocumentChanged, .fields_count = 2,
    .index = 69, .struct_bytes = sizeof(Remote__V1__PlanDocumentChanged)};

static const lrm_schema_field fields_HistoryItem[] = {
    {.name = "at_ms", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "turn_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "agent_id", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "open", .number = 5, .kind = LRM_SCHEMA_BOOL, .slot = 3},
    {.name = "user", .number = 10, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_UserMessage,
     .oneof = 1, .slot = 4},
    {.name = "assistant", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AssistantMessage, .oneof = 1, .slot = 4},
    {.name = "thought", .number = 12, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Thought,
     .oneof = 1, .slot = 4},
    {.name = "tool", .number = 13, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolState,
     .oneof = 1, .slot = 4},
    {.name = "notice", .number = 14, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Notice,
     .oneof = 1, .slot = 4},
};
const lrm_schema_message lrm_schema_HistoryItem = {
    .name = "HistoryItem", .fields = fields_HistoryItem, .fields_count = 9, .index = 70,
    .struct_bytes = sizeof(Remote__V1__HistoryItem)};

static const lrm_schema_field fields_SessionState[] = {
    {.name = "session", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionStarted, .slot = 0},
    {.name = "title", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "status", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "activity", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 3},
    {.name = "status_since_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "remote_mode", .number = 6, .kind = LRM_SCHEMA_ENUM, .slot = 5},
    {.name = "turn_id", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 6},
    {.name = "current_mode_id", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 255,
     .slot = 7},
    {.name = "modes", .number = 9, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Mode,
     .count_max = 32, .slot = 0},
    {.name = "options", .number = 10, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ConfigOption, .count_max = 32, .slot = 1},
    {.name = "slash_commands", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SlashCommand, .count_max = 256, .slot = 2},
    {.name = "plan", .number = 12, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PlanEntry,
     .count_max = 128, .slot = 3},
    {.name = "queue", .number = 13, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_QueuedPrompt,
     .count_max = 64, .slot = 4},
    {.name = "asks", .number = 14, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Ask,
     .count_max = 64, .slot = 5},
    {.name = "tools", .number = 15, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolState,
     .count_max = 64, .slot = 6},
    {.name = "history", .number = 16, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_HistoryItem, .count_max = 64, .slot = 7},
    {.name = "outcomes", .number = 17, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_KnownOutcome, .count_max = 256, .slot = 8},
    {.name = "context_tokens", .number = 18, .kind = LRM_SCHEMA_UINT64, .slot = 8},
    {.name = "context_size", .number = 19, .kind = LRM_SCHEMA_UINT64, .slot = 9},
    {.name = "cost_micros", .number = 20, .kind = LRM_SCHEMA_UINT64, .slot = 10},
    {.name = "cost_currency", .number = 21, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 11},
    {.name = "keep_alive", .number = 22, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 12},
    {.name = "ended", .number = 23, .kind = LRM_SCHEMA_BOOL, .slot = 13},
    {.name = "plan_document", .number = 24, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536,
     .slot = 14},
    {.name = "subagents", .number = 25, .kind = LRM_SCHEMA_STRING, .bytes_max = 127,
     .count_max = 64, .slot = 9},
    {.name = "permission_mode", .number = 26, .kind = LRM_SCHEMA_STRING, .bytes_max = 127,
     .slot = 15},
    {.name = "history_cut", .number = 27, .kind = LRM_SCHEMA_BOOL, .slot = 16},
};
const lrm_schema_message lrm_schema_SessionState = {
    .name = "SessionState", .fields = fields_SessionState, .fields_count = 27, .index = 71,
    .struct_bytes = sizeof(Remote__V1__SessionState)};

/* remote/v1/event.proto */

static const lrm_schema_field fields_Event[] = {
    {.name = "at_ms", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "turn_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "agent_id", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "session_started", .number = 10, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionStarted, .oneof = 1, .slot = 3},
    {.name = "session_resumed", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionResumed, .oneof = 1, .slot = 3},
    {.name = "session_ended", .number = 12, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionEnded, .oneof = 1, .slot = 3},
    {.name = "remote_mode_changed", .number = 13, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_RemoteModeChanged, .oneof = 1, .slot = 3},
    {.name = "title_changed", .number = 14, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_TitleChanged, .oneof = 1, .slot = 3},
    {.name = "context_cleared", .number = 15, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ContextCleared, .oneof = 1, .slot = 3},
    {.name = "history_rewound", .number = 16, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_HistoryRewound, .oneof = 1, .slot = 3},
    {.name = "notice", .number = 17, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Notice,
     .oneof = 1, .slot = 3},
    {.name = "session_state", .number = 20, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionState, .oneof = 1, .slot = 3},
    {.name = "status_changed", .number = 21, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_StatusChanged, .oneof = 1, .slot = 3},
    {.name = "user_message", .number = 30, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_UserMessage, .oneof = 1, .slot = 3},
    {.name = "assistant_delta", .number = 31, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AssistantDelta, .oneof = 1, .slot = 3},
    {.name = "assistant_message", .number = 32, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AssistantMessage, .oneof = 1, .slot = 3},
    {.name = "thought_delta", .number = 33, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ThoughtDelta, .oneof = 1, .slot = 3},
    {.name = "thought", .number = 34, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Thought,
     .oneof = 1, .slot = 3},
    {.name = "turn_started", .number = 35, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_TurnStarted, .oneof = 1, .slot = 3},
    {.name = "turn_ended", .number = 36, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_TurnEnded, .oneof = 1, .slot = 3},
    {.name = "queue_changed", .number = 37, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_QueueChanged, .oneof = 1, .slot = 3},
    {.name = "tool_started", .number = 40, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ToolStarted, .oneof = 1, .slot = 3},
    {.name = "tool_updated", .number = 41, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ToolUpdated, .oneof = 1, .slot = 3},
    {.name = "tool_output", .number = 42, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ToolOutput, .oneof = 1, .slot = 3},
    {.name = "tool_ended", .number = 43, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ToolEnded, .oneof = 1, .slot = 3},
    {.name = "asset", .number = 44, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Asset,
     .oneof = 1, .slot = 3},
    {.name = "ask_opened", .number = 50, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AskOpened, .oneof = 1, .slot = 3},
    {.name = "ask_resolved", .number = 51, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AskResolved, .oneof = 1, .slot = 3},
    {.name = "tool_authorized", .number = 52, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ToolAuthorized, .oneof = 1, .slot = 3},
    {.name = "modes_changed", .number = 60, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ModesChanged, .oneof = 1, .slot = 3},
    {.name = "permission_mode_changed", .number = 61, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PermissionModeChanged, .oneof = 1, .slot = 3},
    {.name = "config_options_changed", .number = 62, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ConfigOptionsChanged, .oneof = 1, .slot = 3},
    {.name = "slash_commands_changed", .number = 63, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SlashCommandsChanged, .oneof = 1, .slot = 3},
    {.name = "plan_updated", .number = 70, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PlanUpdated, .oneof = 1, .slot = 3},
    {.name = "plan_document_changed", .number = 71, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PlanDocumentChanged, .oneof = 1, .slot = 3},
    {.name = "subagent_started", .number = 80, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SubagentStarted, .oneof = 1, .slot = 3},
    {.name = "subagent_ended", .number = 81, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SubagentEnded, .oneof = 1, .slot = 3},
    {.name = "compaction_started", .number = 82, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_CompactionStarted, .oneof = 1, .slot = 3},
    {.name = "compaction_ended", .number = 83, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_CompactionEnded, .oneof = 1, .slot = 3},
    {.name = "usage_updated", .number = 84, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_UsageUpdated, .oneof = 1, .slot = 3},
    {.name = "keep_alive_changed", .number = 85, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_KeepAliveChanged, .oneof = 1, .slot = 3},
    {.name = "device_attached", .number = 86, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_DeviceAttached, .oneof = 1, .slot = 3},
    {.name = "device_detached", .number = 87, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_DeviceDetached, .oneof = 1, .slot = 3},
    {.name = "command_outcome", .number = 90, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_CommandOutcome, .oneof = 1, .slot = 3},
    {.name = "agent_extension", .number = 100, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AgentExtension, .oneof = 1, .slot = 3},
};
const lrm_schema_message lrm_schema_Event = {
    .name = "Event", .fields = fields_Event, .fields_count = 45, .index = 72,
    .struct_bytes = sizeof(Remote__V1__Event)};

static const lrm_schema_field fields_SessionResumed[] = {
    {.name = "writer_generation", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "unknown_since", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
    {.name = "since_ms", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "agent_history_loaded", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_SessionResumed = {
    .name = "SessionResumed", .fields = fields_SessionResumed, .fields_count = 4, .index = 73,
    .struct_bytes = sizeof(Remote__V1__SessionResumed)};

static const lrm_schema_field fields_SessionEnded[] = {
    {.name = "reason", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "text", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 1},
    {.name = "exit_code", .number = 3, .kind = LRM_SCHEMA_UINT32, .slot = 2},
};
const lrm_schema_message lrm_schema_SessionEnded = {
    .name = "SessionEnded", .fields = fields_SessionEnded, .fields_count = 3, .index = 74,
    .struct_bytes = sizeof(Remote__V1__SessionEnded)};

static const lrm_schema_field fields_RemoteModeChanged[] = {
    {.name = "mode", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "by", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 1},
    {.name = "reason", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 2},
};
const lrm_schema_message lrm_schema_RemoteModeChanged = {
    .name = "RemoteModeChanged", .fields = fields_RemoteModeChanged, .fields_count = 3, .index = 75,
    .struct_bytes = sizeof(Remote__V1__RemoteModeChanged)};

static const lrm_schema_field fields_TitleChanged[] = {
    {.name = "title", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "by", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 1},
};
const lrm_schema_message lrm_schema_TitleChanged = {
    .name = "TitleChanged", .fields = fields_TitleChanged, .fields_count = 2, .index = 76,
    .struct_bytes = sizeof(Remote__V1__TitleChanged)};

static const lrm_schema_field fields_ContextCleared[] = {
    {.name = "reason", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 0},
};
const lrm_schema_message lrm_schema_ContextCleared = {
    .name = "ContextCleared", .fields = fields_ContextCleared, .fields_count = 1, .index = 77,
    .struct_bytes = sizeof(Remote__V1__ContextCleared)};

static const lrm_schema_field fields_HistoryRewound[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "reason", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 1},
};
const lrm_schema_message lrm_schema_HistoryRewound = {
    .name = "HistoryRewound", .fields = fields_HistoryRewound, .fields_count = 2, .index = 78,
    .struct_bytes = sizeof(Remote__V1__HistoryRewound)};

static const lrm_schema_field fields_StatusChanged[] = {
    {.name = "status", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "activity", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
};
const lrm_schema_message lrm_schema_StatusChanged = {
    .name = "StatusChanged", .fields = fields_StatusChanged, .fields_count = 2, .index = 79,
    .struct_bytes = sizeof(Remote__V1__StatusChanged)};

static const lrm_schema_field fields_AssistantDelta[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 2},
};
const lrm_schema_message lrm_schema_AssistantDelta = {
    .name = "AssistantDelta", .fields = fields_AssistantDelta, .fields_count = 3, .index = 80,
    .struct_bytes = sizeof(Remote__V1__AssistantDelta)};

static const lrm_schema_field fields_ThoughtDelta[] = {
    {.name = "message_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 32768, .slot = 2},
};
const lrm_schema_message lrm_schema_ThoughtDelta = {
    .name = "ThoughtDelta", .fields = fields_ThoughtDelta, .fields_count = 3, .index = 81,
    .struct_bytes = sizeof(Remote__V1__ThoughtDelta)};

static const lrm_schema_field fields_TurnStarted[] = {
    {.name = "turn_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "message_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
};
const lrm_schema_message lrm_schema_TurnStarted = {
    .name = "TurnStarted", .fields = fields_TurnStarted, .fields_count = 2, .index = 82,
    .struct_bytes = sizeof(Remote__V1__TurnStarted)};

static const lrm_schema_field fields_Usage[] = {
    {.name = "context_tokens", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "context_size", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "input_tokens", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "output_tokens", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "cost_micros", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "currency", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 5},
};
const lrm_schema_message lrm_schema_Usage = {
    .name = "Usage", .fields = fields_Usage, .fields_count = 6, .index = 83,
    .struct_bytes = sizeof(Remote__V1__Usage)};

static const lrm_schema_field fields_TurnEnded[] = {
    {.name = "turn_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "stop_reason", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "usage", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Usage,
     .slot = 2},
    {.name = "error", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 4096, .slot = 3},
    {.name = "cancelled_by", .number = 5, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 4},
};
const lrm_schema_message lrm_schema_TurnEnded = {
    .name = "TurnEnded", .fields = fields_TurnEnded, .fields_count = 5, .index = 84,
    .struct_bytes = sizeof(Remote__V1__TurnEnded)};

static const lrm_schema_field fields_QueueChanged[] = {
    {.name = "prompts", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_QueuedPrompt, .count_max = 64, .slot = 0},
};
const lrm_schema_message lrm_schema_QueueChanged = {
    .name = "QueueChanged", .fields = fields_QueueChanged, .fields_count = 1, .index = 85,
    .struct_bytes = sizeof(Remote__V1__QueueChanged)};

static const lrm_schema_field fields_ToolStarted[] = {
    {.name = "tool", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolState,
     .slot = 0},
};
const lrm_schema_message lrm_schema_ToolStarted = {
    .name = "ToolStarted", .fields = fields_ToolStarted, .fields_count = 1, .index = 86,
    .struct_bytes = sizeof(Remote__V1__ToolStarted)};

static const lrm_schema_field fields_ToolUpdated[] = {
    {.name = "tool", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolState,
     .slot = 0},
};
const lrm_schema_message lrm_schema_ToolUpdated = {
    .name = "ToolUpdated", .fields = fields_ToolUpdated, .fields_count = 1, .index = 87,
    .struct_bytes = sizeof(Remote__V1__ToolUpdated)};

static const lrm_schema_field fields_ToolOutput[] = {
    {.name = "tool_call_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "data", .number = 3, .kind = LRM_SCHEMA_BYTES, .bytes_max = 65536, .slot = 2},
    {.name = "stream", .number = 4, .kind = LRM_SCHEMA_ENUM, .slot = 3},
};
const lrm_schema_message lrm_schema_ToolOutput = {
    .name = "ToolOutput", .fields = fields_ToolOutput, .fields_count = 4, .index = 88,
    .struct_bytes = sizeof(Remote__V1__ToolOutput)};

static const lrm_schema_field fields_ToolEnded[] = {
    {.name = "tool_call_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "status", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "exit_code", .number = 3, .kind = LRM_SCHEMA_INT32, .slot = 2},
    {.name = "exit_known", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
    {.name = "content", .number = 5, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_ToolContent,
     .count_max = 16, .slot = 0},
    {.name = "output", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .slot = 4},
    {.name = "reason", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 5},
};
const lrm_schema_message lrm_schema_ToolEnded = {
    .name = "ToolEnded", .fields = fields_ToolEnded, .fields_count = 7, .index = 89,
    .struct_bytes = sizeof(Remote__V1__ToolEnded)};

static const lrm_schema_field fields_Asset[] = {
    {.name = "asset_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "position", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "total", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "media_type", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 3},
    {.name = "data", .number = 5, .kind = LRM_SCHEMA_BYTES, .bytes_max = 131072, .slot = 4},
    {.name = "name", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 1024, .slot = 5},
    {.name = "sha256", .number = 7, .kind = LRM_SCHEMA_BYTES, .bytes_max = 32, .slot = 6},
};
const lrm_schema_message lrm_schema_Asset = {
    .name = "Asset", .fields = fields_Asset, .fields_count = 7, .index = 90,
    .struct_bytes = sizeof(Remote__V1__Asset)};

static const lrm_schema_field fields_AskOpened[] = {
    {.name = "ask", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Ask, .slot = 0},
};
const lrm_schema_message lrm_schema_AskOpened = {
    .name = "AskOpened", .fields = fields_AskOpened, .fields_count = 1, .index = 91,
    .struct_bytes = sizeof(Remote__V1__AskOpened)};

static const lrm_schema_field fields_ToolAuthorized[] = {
    {.name = "ask_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "tool_call_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
};
const lrm_schema_message lrm_schema_ToolAuthorized = {
    .name = "ToolAuthorized", .fields = fields_ToolAuthorized, .fields_count = 2, .index = 92,
    .struct_bytes = sizeof(Remote__V1__ToolAuthorized)};

static const lrm_schema_field fields_PermissionModeChanged[] = {
    {.name = "mode", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "elevated", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "by", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 2},
};
const lrm_schema_message lrm_schema_PermissionModeChanged = {
    .name = "PermissionModeChanged", .fields = fields_PermissionModeChanged, .fields_count = 3,
    .index = 93, .struct_bytes = sizeof(Remote__V1__PermissionModeChanged)};

static const lrm_schema_field fields_SubagentStarted[] = {
    {.name = "agent_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "task", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 2},
    {.name = "tool_call_id", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 3},
};
const lrm_schema_message lrm_schema_SubagentStarted = {
    .name = "SubagentStarted", .fields = fields_SubagentStarted, .fields_count = 4, .index = 94,
    .struct_bytes = sizeof(Remote__V1__SubagentStarted)};

static const lrm_schema_field fields_SubagentEnded[] = {
    {.name = "agent_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "failed", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 16384, .slot = 2},
};
const lrm_schema_message lrm_schema_SubagentEnded = {
    .name = "SubagentEnded", .fields = fields_SubagentEnded, .fields_count = 3, .index = 95,
    .struct_bytes = sizeof(Remote__V1__SubagentEnded)};

static const lrm_schema_field fields_CompactionStarted[] = {
    {.name = "compaction_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
};
const lrm_schema_message lrm_schema_CompactionStarted = {
    .name = "CompactionStarted", .fields = fields_CompactionStarted, .fields_count = 1, .index = 96,
    .struct_bytes = sizeof(Remote__V1__CompactionStarted)};

static const lrm_schema_field fields_CompactionEnded[] = {
    {.name = "compaction_id", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 0},
    {.name = "status", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "summary", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 65536, .slot = 2},
};
const lrm_schema_message lrm_schema_CompactionEnded = {
    .name = "CompactionEnded", .fields = fields_CompactionEnded, .fields_count = 3, .index = 97,
    .struct_bytes = sizeof(Remote__V1__CompactionEnded)};

static const lrm_schema_field fields_UsageUpdated[] = {
    {.name = "usage", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Usage,
     .slot = 0},
};
const lrm_schema_message lrm_schema_UsageUpdated = {
    .name = "UsageUpdated", .fields = fields_UsageUpdated, .fields_count = 1, .index = 98,
    .struct_bytes = sizeof(Remote__V1__UsageUpdated)};

static const lrm_schema_field fields_KeepAliveChanged[] = {
    {.name = "mode", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "until_ms", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "by", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Actor,
     .slot = 2},
};
const lrm_schema_message lrm_schema_KeepAliveChanged = {
    .name = "KeepAliveChanged", .fields = fields_KeepAliveChanged, .fields_count = 3, .index = 99,
    .struct_bytes = sizeof(Remote__V1__KeepAliveChanged)};

static const lrm_schema_field fields_DeviceAttached[] = {
    {.name = "device", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AttachedDevice, .slot = 0},
};
const lrm_schema_message lrm_schema_DeviceAttached = {
    .name = "DeviceAttached", .fields = fields_DeviceAttached, .fields_count = 1, .index = 100,
    .struct_bytes = sizeof(Remote__V1__DeviceAttached)};

static const lrm_schema_field fields_DeviceDetached[] = {
    {.name = "device", .number = 1, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_AttachedDevice, .slot = 0},
};
const lrm_schema_message lrm_schema_DeviceDetached = {
    .name = "DeviceDetached", .fields = fields_DeviceDetached, .fields_count = 1, .index = 101,
    .struct_bytes = sizeof(Remote__V1__DeviceDetached)};

static const lrm_schema_field fields_AgentExtension[] = {
    {.name = "namespace", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 1},
    {.name = "json", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Json,
     .slot = 2},
};
const lrm_schema_message lrm_schema_AgentExtension = {
    .name = "AgentExtension", .fields = fields_AgentExtension, .fields_count = 3, .index = 102,
    .struct_bytes = sizeof(Remote__V1__AgentExtension)};

/* remote/v1/frame.proto */

static const lrm_schema_field fields_Batch[] = {
    {.name = "frame", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Frame,
     .count_max = 1, .slot = 0},
};
const lrm_schema_message lrm_schema_Batch = {
    .name = "Batch", .fields = fields_Batch, .fields_count = 1, .index = 103,
    .struct_bytes = sizeof(Remote__V1__Batch)};

static const lrm_schema_field fields_Frame[] = {
    {.name = "type", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "channel", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
    {.name = "offset", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "count", .number = 4, .kind = LRM_SCHEMA_UINT32, .slot = 3},
    {.name = "flags", .number = 5, .kind = LRM_SCHEMA_UINT32, .slot = 4},
    {.name = "inflated_bytes", .number = 6, .kind = LRM_SCHEMA_UINT32, .slot = 5},
    {.name = "dictionary", .number = 7, .kind = LRM_SCHEMA_UINT32, .slot = 6},
    {.name = "credit", .number = 8, .kind = LRM_SCHEMA_UINT64, .slot = 7},
    {.name = "part", .number = 9, .kind = LRM_SCHEMA_UINT32, .slot = 8},
    {.name = "parts", .number = 10, .kind = LRM_SCHEMA_UINT32, .slot = 9},
    {.name = "payload", .number = 15, .kind = LRM_SCHEMA_BYTES, .bytes_max = 1024, .slot = 10},
};
const lrm_schema_message lrm_schema_Frame = {
    .name = "Frame", .fields = fields_Frame, .fields_count = 11, .index = 104,
    .struct_bytes = sizeof(Remote__V1__Frame)};

/* remote/v1/policy.proto */

static const lrm_schema_field fields_PolicyRule[] = {
    {.name = "layer", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "value", .number = 3, .kind = LRM_SCHEMA_ENUM, .slot = 2},
    {.name = "mode", .number = 4, .kind = LRM_SCHEMA_ENUM, .slot = 3},
    {.name = "accounts", .number = 5, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .count_max = 8,
     .slot = 0},
    {.name = "changed_ms", .number = 6, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "changed_by", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 5},
};
const lrm_schema_message lrm_schema_PolicyRule = {
    .name = "PolicyRule", .fields = fields_PolicyRule, .fields_count = 7, .index = 105,
    .struct_bytes = sizeof(Remote__V1__PolicyRule)};

static const lrm_schema_field fields_EffectivePolicy[] = {
    {.name = "value", .number = 1, .kind = LRM_SCHEMA_ENUM, .slot = 0},
    {.name = "decided_by", .number = 2, .kind = LRM_SCHEMA_ENUM, .slot = 1},
    {.name = "explanation", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 2},
};
const lrm_schema_message lrm_schema_EffectivePolicy = {
    .name = "EffectivePolicy", .fields = fields_EffectivePolicy, .fields_count = 3, .index = 106,
    .struct_bytes = sizeof(Remote__V1__EffectivePolicy)};

/* remote/v1/relay.proto */

static const lrm_schema_field fields_ListSessions[] = {
    {.name = "limit", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
};
const lrm_schema_message lrm_schema_ListSessions = {
    .name = "ListSessions", .fields = fields_ListSessions, .fields_count = 1, .index = 107,
    .struct_bytes = sizeof(Remote__V1__ListSessions)};
const lrm_schema_message lrm_schema_WatchSessions = {
    .name = "WatchSessions", .index = 108, .struct_bytes = sizeof(Remote__V1__WatchSessions)};

static const lrm_schema_field fields_CancelRequest[] = {
    {.name = "request_id", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
};
const lrm_schema_message lrm_schema_CancelRequest = {
    .name = "CancelRequest", .fields = fields_CancelRequest, .fields_count = 1, .index = 109,
    .struct_bytes = sizeof(Remote__V1__CancelRequest)};

static const lrm_schema_field fields_DeleteSession[] = {
    {.name = "session_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
};
const lrm_schema_message lrm_schema_DeleteSession = {
    .name = "DeleteSession", .fields = fields_DeleteSession, .fields_count = 1, .index = 110,
    .struct_bytes = sizeof(Remote__V1__DeleteSession)};

static const lrm_schema_field fields_PairDevice[] = {
    {.name = "device", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "secret", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 32, .slot = 1},
};
const lrm_schema_message lrm_schema_PairDevice = {
    .name = "PairDevice", .fields = fields_PairDevice, .fields_count = 2, .index = 111,
    .struct_bytes = sizeof(Remote__V1__PairDevice)};

static const lrm_schema_field fields_ConfirmPairing[] = {
    {.name = "code", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 0},
    {.name = "deny", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
};
const lrm_schema_message lrm_schema_ConfirmPairing = {
    .name = "ConfirmPairing", .fields = fields_ConfirmPairing, .fields_count = 2, .index = 112,
    .struct_bytes = sizeof(Remote__V1__ConfirmPairing)};

static const lrm_schema_field fields_DescribePairing[] = {
    {.name = "code", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 0},
};
const lrm_schema_message lrm_schema_DescribePairing = {
    .name = "DescribePairing", .fields = fields_DescribePairing, .fields_count = 1, .index = 113,
    .struct_bytes = sizeof(Remote__V1__DescribePairing)};
const lrm_schema_message lrm_schema_BeginOidc = {
    .name = "BeginOidc", .index = 114, .struct_bytes = sizeof(Remote__V1__BeginOidc)};

static const lrm_schema_field fields_LoginOidc[] = {
    {.name = "id_token", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 8192, .slot = 0},
    {.name = "device", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
};
const lrm_schema_message lrm_schema_LoginOidc = {
    .name = "LoginOidc", .fields = fields_LoginOidc, .fields_count = 2, .index = 115,
    .struct_bytes = sizeof(Remote__V1__LoginOidc)};

static const lrm_schema_field fields_Logout[] = {
    {.name = "everywhere", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
};
const lrm_schema_message lrm_schema_Logout = {
    .name = "Logout", .fields = fields_Logout, .fields_count = 1, .index = 116,
    .struct_bytes = sizeof(Remote__V1__Logout)};

static const lrm_schema_field fields_RenameDevice[] = {
    {.name = "device_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
};
const lrm_schema_message lrm_schema_RenameDevice = {
    .name = "RenameDevice", .fields = fields_RenameDevice, .fields_count = 2, .index = 117,
    .struct_bytes = sizeof(Remote__V1__RenameDevice)};
const lrm_schema_message lrm_schema_ListDevices = {
    .name = "ListDevices", .index = 118, .struct_bytes = sizeof(Remote__V1__ListDevices)};

static const lrm_schema_field fields_RevokeDevice[] = {
    {.name = "device_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
};
const lrm_schema_message lrm_schema_RevokeDevice = {
    .name = "RevokeDevice", .fields = fields_RevokeDevice, .fields_count = 1, .index = 119,
    .struct_bytes = sizeof(Remote__V1__RevokeDevice)};

static const lrm_schema_field fields_GetPolicy[] = {
    {.name = "administered", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
};
const lrm_schema_message lrm_schema_GetPolicy = {
    .name = "GetPolicy", .fields = fields_GetPolicy, .fields_count = 1, .index = 120,
    .struct_bytes = sizeof(Remote__V1__GetPolicy)};

static const lrm_schema_field fields_SetPolicy[] = {
    {.name = "rule", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PolicyRule,
     .slot = 0},
};
const lrm_schema_message lrm_schema_SetPolicy = {
    .name = "SetPolicy", .fields = fields_SetPolicy, .fields_count = 1, .index = 121,
    .struct_bytes = sizeof(Remote__V1__SetPolicy)};

static const lrm_schema_field fields_ExportAudit[] = {
    {.name = "from", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "limit", .number = 2, .kind = LRM_SCHEMA_UINT32, .slot = 1},
};
const lrm_schema_message lrm_schema_ExportAudit = {
    .name = "ExportAudit", .fields = fields_ExportAudit, .fields_count = 2, .index = 122,
    .struct_bytes = sizeof(Remote__V1__ExportAudit)};
const lrm_schema_message lrm_schema_Invite = {
    .name = "Invite", .index = 123, .struct_bytes = sizeof(Remote__V1__Invite)};
const lrm_schema_message lrm_schema_ListInvitations = {
    .name = "ListInvitations", .index = 124, .struct_bytes = sizeof(Remote__V1__ListInvitations)};

static const lrm_schema_field fields_EndInvitation[] = {
    {.name = "invitation_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
};
const lrm_schema_message lrm_schema_EndInvitation = {
    .name = "EndInvitation", .fields = fields_EndInvitation, .fields_count = 1, .index = 125,
    .struct_bytes = sizeof(Remote__V1__EndInvitation)};

static const lrm_schema_field fields_PushWishes[] = {
    {.name = "asks", .number = 1, .kind = LRM_SCHEMA_BOOL, .slot = 0},
    {.name = "done", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "errors", .number = 3, .kind = LRM_SCHEMA_BOOL, .slot = 2},
    {.name = "text", .number = 4, .kind = LRM_SCHEMA_BOOL, .slot = 3},
};
const lrm_schema_message lrm_schema_PushWishes = {
    .name = "PushWishes", .fields = fields_PushWishes, .fields_count = 4, .index = 126,
    .struct_bytes = sizeof(Remote__V1__PushWishes)};

static const lrm_schema_field fields_GetPush[] = {
    {.name = "endpoint", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1023, .slot = 0},
};
const lrm_schema_message lrm_schema_GetPush = {
    .name = "GetPush", .fields = fields_GetPush, .fields_count = 1, .index = 127,
    .struct_bytes = sizeof(Remote__V1__GetPush)};

static const lrm_schema_field fields_PushSubscribe[] = {
    {.name = "endpoint", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1023, .slot = 0},
    {.name = "p256dh", .number = 2, .kind = LRM_SCHEMA_BYTES, .bytes_max = 66, .slot = 1},
    {.name = "auth", .number = 3, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 2},
    {.name = "wishes", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PushWishes,
     .slot = 3},
};
const lrm_schema_message lrm_schema_PushSubscribe = {
    .name = "PushSubscribe", .fields = fields_PushSubscribe, .fields_count = 4, .index = 128,
    .struct_bytes = sizeof(Remote__V1__PushSubscribe)};

static const lrm_schema_field fields_PushUnsubscribe[] = {
    {.name = "endpoint", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1023, .slot = 0},
};
const lrm_schema_message lrm_schema_PushUnsubscribe = {
    .name = "PushUnsubscribe", .fields = fields_PushUnsubscribe, .fields_count = 1, .index = 129,
    .struct_bytes = sizeof(Remote__V1__PushUnsubscribe)};

static const lrm_schema_field fields_TestPush[] = {
    {.name = "endpoint", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 1023, .slot = 0},
};
const lrm_schema_message lrm_schema_TestPush = {
    .name = "TestPush", .fields = fields_TestPush, .fields_count = 1, .index = 130,
    .struct_bytes = sizeof(Remote__V1__TestPush)};

static const lrm_schema_field fields_UseSession[] = {
    {.name = "session_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "over", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
};
const lrm_schema_message lrm_schema_UseSession = {
    .name = "UseSession", .fields = fields_UseSession, .fields_count = 2, .index = 131,
    .struct_bytes = sizeof(Remote__V1__UseSession)};

static const lrm_schema_field fields_Request[] = {
    {.name = "id", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "list_sessions", .number = 2, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ListSessions, .oneof = 1, .slot = 1},
    {.name = "watch_sessions", .number = 3, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_WatchSessions, .oneof = 1, .slot = 1},
    {.name = "cancel", .number = 4, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_CancelRequest, .oneof = 1, .slot = 1},
    {.name = "delete_session", .number = 5, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_DeleteSession, .oneof = 1, .slot = 1},
    {.name = "pair_device", .number = 6, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PairDevice, .oneof = 1, .slot = 1},
    {.name = "confirm_pairing", .number = 7, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ConfirmPairing, .oneof = 1, .slot = 1},
    {.name = "login_oidc", .number = 8, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_LoginOidc, .oneof = 1, .slot = 1},
    {.name = "logout", .number = 9, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Logout,
     .oneof = 1, .slot = 1},
    {.name = "list_devices", .number = 10, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ListDevices, .oneof = 1, .slot = 1},
    {.name = "revoke_device", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_RevokeDevice, .oneof = 1, .slot = 1},
    {.name = "get_policy", .number = 12, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_GetPolicy, .oneof = 1, .slot = 1},
    {.name = "set_policy", .number = 13, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SetPolicy, .oneof = 1, .slot = 1},
    {.name = "export_audit", .number = 14, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ExportAudit, .oneof = 1, .slot = 1},
    {.name = "describe_pairing", .number = 15, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_DescribePairing, .oneof = 1, .slot = 1},
    {.name = "begin_oidc", .number = 16, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_BeginOidc, .oneof = 1, .slot = 1},
    {.name = "rename_device", .number = 17, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_RenameDevice, .oneof = 1, .slot = 1},
    {.name = "invite", .number = 18, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Invite,
     .oneof = 1, .slot = 1},
    {.name = "list_invitations", .number = 19, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_ListInvitations, .oneof = 1, .slot = 1},
    {.name = "end_invitation", .number = 20, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_EndInvitation, .oneof = 1, .slot = 1},
    {.name = "get_push", .number = 24, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_GetPush,
     .oneof = 1, .slot = 1},
    {.name = "push_subscribe", .number = 25, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PushSubscribe, .oneof = 1, .slot = 1},
    {.name = "push_unsubscribe", .number = 26, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PushUnsubscribe, .oneof = 1, .slot = 1},
    {.name = "test_push", .number = 27, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_TestPush,
     .oneof = 1, .slot = 1},
    {.name = "use_session", .number = 28, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_UseSession, .oneof = 1, .slot = 1},
};
const lrm_schema_message lrm_schema_Request = {
    .name = "Request", .fields = fields_Request, .fields_count = 25, .index = 132,
    .struct_bytes = sizeof(Remote__V1__Request)};

static const lrm_schema_field fields_SessionEntry[] = {
    {.name = "session_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "description", .number = 2, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionDescription, .slot = 1},
    {.name = "info", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_SessionInfo,
     .slot = 2},
    {.name = "status", .number = 4, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_LogStatus,
     .slot = 3},
    {.name = "activity_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "removed", .number = 6, .kind = LRM_SCHEMA_BOOL, .slot = 5},
};
const lrm_schema_message lrm_schema_SessionEntry = {
    .name = "SessionEntry", .fields = fields_SessionEntry, .fields_count = 6, .index = 133,
    .struct_bytes = sizeof(Remote__V1__SessionEntry)};

static const lrm_schema_field fields_DeviceEntry[] = {
    {.name = "device_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "name", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "created_ms", .number = 3, .kind = LRM_SCHEMA_UINT64, .slot = 2},
    {.name = "used_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "connected", .number = 5, .kind = LRM_SCHEMA_BOOL, .slot = 4},
    {.name = "current", .number = 6, .kind = LRM_SCHEMA_BOOL, .slot = 5},
    {.name = "address", .number = 7, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 6},
    {.name = "surface", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 7},
    {.name = "expires_ms", .number = 9, .kind = LRM_SCHEMA_UINT64, .slot = 8},
};
const lrm_schema_message lrm_schema_DeviceEntry = {
    .name = "DeviceEntry", .fields = fields_DeviceEntry, .fields_count = 9, .index = 134,
    .struct_bytes = sizeof(Remote__V1__DeviceEntry)};

static const lrm_schema_field fields_PairingCode[] = {
    {.name = "code", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 0},
    {.name = "expires_in_ms", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "url", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 2},
};
const lrm_schema_message lrm_schema_PairingCode = {
    .name = "PairingCode", .fields = fields_PairingCode, .fields_count = 3, .index = 135,
    .struct_bytes = sizeof(Remote__V1__PairingCode)};

static const lrm_schema_field fields_PairingEntry[] = {
    {.name = "device", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 0},
    {.name = "address", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "surface", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 23, .slot = 2},
    {.name = "asked_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "expires_in_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "confirmed", .number = 6, .kind = LRM_SCHEMA_BOOL, .slot = 5},
};
const lrm_schema_message lrm_schema_PairingEntry = {
    .name = "PairingEntry", .fields = fields_PairingEntry, .fields_count = 6, .index = 136,
    .struct_bytes = sizeof(Remote__V1__PairingEntry)};

static const lrm_schema_field fields_OidcChallenge[] = {
    {.name = "issuer", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 0},
    {.name = "client_id", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 1},
    {.name = "nonce", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 127, .slot = 2},
    {.name = "expires_in_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
};
const lrm_schema_message lrm_schema_OidcChallenge = {
    .name = "OidcChallenge", .fields = fields_OidcChallenge, .fields_count = 4, .index = 137,
    .struct_bytes = sizeof(Remote__V1__OidcChallenge)};

static const lrm_schema_field fields_Invitation[] = {
    {.name = "invitation_id", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 0},
    {.name = "secret", .number = 2, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 1},
    {.name = "page", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 2},
    {.name = "made_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
    {.name = "expires_in_ms", .number = 5, .kind = LRM_SCHEMA_UINT64, .slot = 4},
    {.name = "device", .number = 6, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 5},
};
const lrm_schema_message lrm_schema_Invitation = {
    .name = "Invitation", .fields = fields_Invitation, .fields_count = 6, .index = 138,
    .struct_bytes = sizeof(Remote__V1__Invitation)};

static const lrm_schema_field fields_SignedIn[] = {
    {.name = "token", .number = 1, .kind = LRM_SCHEMA_STRING, .bytes_max = 128, .slot = 0},
    {.name = "principal", .number = 2, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Principal,
     .slot = 1},
};
const lrm_schema_message lrm_schema_SignedIn = {
    .name = "SignedIn", .fields = fields_SignedIn, .fields_count = 2, .index = 139,
    .struct_bytes = sizeof(Remote__V1__SignedIn)};

static const lrm_schema_field fields_AuditRecord[] = {
    {.name = "number", .number = 1, .kind = LRM_SCHEMA_UINT64, .slot = 0},
    {.name = "at_ms", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "principal", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Principal,
     .slot = 2},
    {.name = "what", .number = 4, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 3},
    {.name = "session_id", .number = 5, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 4},
    {.name = "command_id", .number = 6, .kind = LRM_SCHEMA_BYTES, .bytes_max = 16, .slot = 5},
    {.name = "code", .number = 7, .kind = LRM_SCHEMA_UINT32, .slot = 6},
    {.name = "detail", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 255, .slot = 7},
    {.name = "account", .number = 9, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 8},
    {.name = "organization", .number = 10, .kind = LRM_SCHEMA_STRING, .bytes_max = 63, .slot = 9},
};
const lrm_schema_message lrm_schema_AuditRecord = {
    .name = "AuditRecord", .fields = fields_AuditRecord, .fields_count = 10, .index = 140,
    .struct_bytes = sizeof(Remote__V1__AuditRecord)};

static const lrm_schema_field fields_PolicyReply[] = {
    {.name = "rule", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PolicyRule,
     .slot = 0},
    {.name = "effective", .number = 2, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_EffectivePolicy, .slot = 1},
};
const lrm_schema_message lrm_schema_PolicyReply = {
    .name = "PolicyReply", .fields = fields_PolicyReply, .fields_count = 2, .index = 141,
    .struct_bytes = sizeof(Remote__V1__PolicyReply)};

static const lrm_schema_field fields_PushFacts[] = {
    {.name = "key", .number = 1, .kind = LRM_SCHEMA_BYTES, .bytes_max = 66, .slot = 0},
    {.name = "subscribed", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "wishes", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PushWishes,
     .slot = 2},
    {.name = "sent_ms", .number = 4, .kind = LRM_SCHEMA_UINT64, .slot = 3},
};
const lrm_schema_message lrm_schema_PushFacts = {
    .name = "PushFacts", .fields = fields_PushFacts, .fields_count = 4, .index = 142,
    .struct_bytes = sizeof(Remote__V1__PushFacts)};
const lrm_schema_message lrm_schema_Done = {
    .name = "Done", .index = 143, .struct_bytes = sizeof(Remote__V1__Done)};

static const lrm_schema_field fields_Reply[] = {
    {.name = "id", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "more", .number = 2, .kind = LRM_SCHEMA_BOOL, .slot = 1},
    {.name = "problem", .number = 3, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Problem,
     .oneof = 1, .slot = 2},
    {.name = "session", .number = 4, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_SessionEntry, .oneof = 1, .slot = 2},
    {.name = "device", .number = 5, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_DeviceEntry,
     .oneof = 1, .slot = 2},
    {.name = "pairing_code", .number = 6, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PairingCode, .oneof = 1, .slot = 2},
    {.name = "signed_in", .number = 7, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_SignedIn,
     .oneof = 1, .slot = 2},
    {.name = "policy", .number = 8, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_PolicyReply,
     .oneof = 1, .slot = 2},
    {.name = "audit", .number = 9, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_AuditRecord,
     .oneof = 1, .slot = 2},
    {.name = "done", .number = 10, .kind = LRM_SCHEMA_MESSAGE, .message = &lrm_schema_Done,
     .oneof = 1, .slot = 2},
    {.name = "pairing", .number = 11, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PairingEntry, .oneof = 1, .slot = 2},
    {.name = "oidc_challenge", .number = 12, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_OidcChallenge, .oneof = 1, .slot = 2},
    {.name = "invitation", .number = 13, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_Invitation, .oneof = 1, .slot = 2},
    {.name = "push_facts", .number = 16, .kind = LRM_SCHEMA_MESSAGE,
     .message = &lrm_schema_PushFacts, .oneof = 1, .slot = 2},
};
const lrm_schema_message lrm_schema_Reply = {
    .name = "Reply", .fields = fields_Reply, .fields_count = 14, .index = 144,
    .struct_bytes = sizeof(Remote__V1__Reply)};
