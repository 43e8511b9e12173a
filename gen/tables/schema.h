/* Written by gen/generate from the .proto and .options files; do not edit. */

#ifndef LRM_SCHEMA_H
#define LRM_SCHEMA_H

#include "schema_table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* remote/v1/link.proto */
extern const lrm_schema_message lrm_schema_Limits;
extern const lrm_schema_message lrm_schema_Hello;
extern const lrm_schema_message lrm_schema_Principal;
extern const lrm_schema_message lrm_schema_Welcome;
extern const lrm_schema_message lrm_schema_Problem;
extern const lrm_schema_message lrm_schema_SessionDescription;
extern const lrm_schema_message lrm_schema_Open;
extern const lrm_schema_message lrm_schema_Opened;
extern const lrm_schema_message lrm_schema_AttachedDevice;
extern const lrm_schema_message lrm_schema_LogStatus;
extern const lrm_schema_message lrm_schema_Stored;
extern const lrm_schema_message lrm_schema_Receipt;
extern const lrm_schema_message lrm_schema_Origin;
extern const lrm_schema_message lrm_schema_CommandEnvelope;
extern const lrm_schema_message lrm_schema_AskOptionInfo;
extern const lrm_schema_message lrm_schema_OpenAskInfo;
extern const lrm_schema_message lrm_schema_OutcomeInfo;
extern const lrm_schema_message lrm_schema_SessionInfo;
/* remote/v1/ask.proto */
extern const lrm_schema_message lrm_schema_AskOption;
extern const lrm_schema_message lrm_schema_Diff;
extern const lrm_schema_message lrm_schema_Json;
extern const lrm_schema_message lrm_schema_PermissionAsk;
extern const lrm_schema_message lrm_schema_QuestionAsk;
extern const lrm_schema_message lrm_schema_PlanAsk;
extern const lrm_schema_message lrm_schema_FormChoice;
extern const lrm_schema_message lrm_schema_FormField;
extern const lrm_schema_message lrm_schema_FormAsk;
extern const lrm_schema_message lrm_schema_OpenUrlAsk;
extern const lrm_schema_message lrm_schema_LimitAsk;
extern const lrm_schema_message lrm_schema_Ask;
extern const lrm_schema_message lrm_schema_Actor;
extern const lrm_schema_message lrm_schema_AnswerContent;
extern const lrm_schema_message lrm_schema_AskResolved;
/* remote/v1/command.proto */
extern const lrm_schema_message lrm_schema_SubmitPrompt;
extern const lrm_schema_message lrm_schema_AttachmentChunk;
extern const lrm_schema_message lrm_schema_AnswerAsk;
extern const lrm_schema_message lrm_schema_SetMode;
extern const lrm_schema_message lrm_schema_SetConfigOption;
extern const lrm_schema_message lrm_schema_SetTitle;
extern const lrm_schema_message lrm_schema_CancelTurn;
extern const lrm_schema_message lrm_schema_WithdrawCommand;
extern const lrm_schema_message lrm_schema_QueryOutcome;
extern const lrm_schema_message lrm_schema_RunSlashCommand;
extern const lrm_schema_message lrm_schema_RequestSnapshot;
extern const lrm_schema_message lrm_schema_Probe;
extern const lrm_schema_message lrm_schema_EndRemote;
extern const lrm_schema_message lrm_schema_Command;
extern const lrm_schema_message lrm_schema_KnownOutcome;
extern const lrm_schema_message lrm_schema_CommandOutcome;
/* remote/v1/session.proto */
extern const lrm_schema_message lrm_schema_SessionStarted;
extern const lrm_schema_message lrm_schema_Notice;
extern const lrm_schema_message lrm_schema_Attachment;
extern const lrm_schema_message lrm_schema_UserMessage;
extern const lrm_schema_message lrm_schema_AssistantMessage;
extern const lrm_schema_message lrm_schema_Thought;
extern const lrm_schema_message lrm_schema_QueuedPrompt;
extern const lrm_schema_message lrm_schema_Location;
extern const lrm_schema_message lrm_schema_AssetReference;
extern const lrm_schema_message lrm_schema_ToolContent;
extern const lrm_schema_message lrm_schema_ToolState;
extern const lrm_schema_message lrm_schema_Mode;
extern const lrm_schema_message lrm_schema_ModesChanged;
extern const lrm_schema_message lrm_schema_ConfigValue;
extern const lrm_schema_message lrm_schema_ConfigOption;
extern const lrm_schema_message lrm_schema_ConfigOptionsChanged;
extern const lrm_schema_message lrm_schema_SlashCommand;
extern const lrm_schema_message lrm_schema_SlashCommandsChanged;
extern const lrm_schema_message lrm_schema_PlanEntry;
extern const lrm_schema_message lrm_schema_PlanUpdated;
extern const lrm_schema_message lrm_schema_PlanDocumentChanged;
extern const lrm_schema_message lrm_schema_HistoryItem;
extern const lrm_schema_message lrm_schema_SessionState;
/* remote/v1/event.proto */
extern const lrm_schema_message lrm_schema_Event;
extern const lrm_schema_message lrm_schema_SessionResumed;
extern const lrm_schema_message lrm_schema_SessionEnded;
extern const lrm_schema_message lrm_schema_RemoteModeChanged;
extern const lrm_schema_message lrm_schema_TitleChanged;
extern const lrm_schema_message lrm_schema_ContextCleared;
extern const lrm_schema_message lrm_schema_HistoryRewound;
extern const lrm_schema_message lrm_schema_StatusChanged;
extern const lrm_schema_message lrm_schema_AssistantDelta;
extern const lrm_schema_message lrm_schema_ThoughtDelta;
extern const lrm_schema_message lrm_schema_TurnStarted;
extern const lrm_schema_message lrm_schema_Usage;
extern const lrm_schema_message lrm_schema_TurnEnded;
extern const lrm_schema_message lrm_schema_QueueChanged;
extern const lrm_schema_message lrm_schema_ToolStarted;
extern const lrm_schema_message lrm_schema_ToolUpdated;
extern const lrm_schema_message lrm_schema_ToolOutput;
extern const lrm_schema_message lrm_schema_ToolEnded;
extern const lrm_schema_message lrm_schema_Asset;
extern const lrm_schema_message lrm_schema_AskOpened;
extern const lrm_schema_message lrm_schema_ToolAuthorized;
extern const lrm_schema_message lrm_schema_PermissionModeChanged;
extern const lrm_schema_message lrm_schema_SubagentStarted;
extern const lrm_schema_message lrm_schema_SubagentEnded;
extern const lrm_schema_message lrm_schema_CompactionStarted;
extern const lrm_schema_message lrm_schema_CompactionEnded;
extern const lrm_schema_message lrm_schema_UsageUpdated;
extern const lrm_schema_message lrm_schema_KeepAliveChanged;
extern const lrm_schema_message lrm_schema_DeviceAttached;
extern const lrm_schema_message lrm_schema_DeviceDetached;
extern const lrm_schema_message lrm_schema_AgentExtension;
/* remote/v1/frame.proto */
extern const lrm_schema_message lrm_schema_Batch;
extern const lrm_schema_message lrm_schema_Frame;
/* remote/v1/policy.proto */
extern const lrm_schema_message lrm_schema_PolicyRule;
extern const lrm_schema_message lrm_schema_EffectivePolicy;
/* remote/v1/relay.proto */
extern const lrm_schema_message lrm_schema_ListSessions;
extern const lrm_schema_message lrm_schema_WatchSessions;
extern const lrm_schema_message lrm_schema_CancelRequest;
extern const lrm_schema_message lrm_schema_DeleteSession;
extern const lrm_schema_message lrm_schema_PairDevice;
extern const lrm_schema_message lrm_schema_ConfirmPairing;
extern const lrm_schema_message lrm_schema_DescribePairing;
extern const lrm_schema_message lrm_schema_BeginOidc;
extern const lrm_schema_message lrm_schema_LoginOidc;
extern const lrm_schema_message lrm_schema_Logout;
extern const lrm_schema_message lrm_schema_RenameDevice;
extern const lrm_schema_message lrm_schema_ListDevices;
extern const lrm_schema_message lrm_schema_RevokeDevice;
extern const lrm_schema_message lrm_schema_GetPolicy;
extern const lrm_schema_message lrm_schema_SetPolicy;
extern const lrm_schema_message lrm_schema_ExportAudit;
extern const lrm_schema_message lrm_schema_Invite;
extern const lrm_schema_message lrm_schema_ListInvitations;
extern const lrm_schema_message lrm_schema_EndInvitation;
extern const lrm_schema_message lrm_schema_PushWishes;
extern const lrm_schema_message lrm_schema_GetPush;
extern const lrm_schema_message lrm_schema_PushSubscribe;
extern const lrm_schema_message lrm_schema_PushUnsubscribe;
extern const lrm_schema_message lrm_schema_TestPush;
extern const lrm_schema_message lrm_schema_UseSession;
extern const lrm_schema_message lrm_schema_Request;
extern const lrm_schema_message lrm_schema_SessionEntry;
extern const lrm_schema_message lrm_schema_DeviceEntry;
extern const lrm_schema_message lrm_schema_PairingCode;
extern const lrm_schema_message lrm_schema_PairingEntry;
extern const lrm_schema_message lrm_schema_OidcChallenge;
extern const lrm_schema_message lrm_schema_Invitation;
extern const lrm_schema_message lrm_schema_SignedIn;
extern const lrm_schema_message lrm_schema_AuditRecord;
extern const lrm_schema_message lrm_schema_PolicyReply;
extern const lrm_schema_message lrm_schema_PushFacts;
extern const lrm_schema_message lrm_schema_Done;
extern const lrm_schema_message lrm_schema_Reply;

#define LRM_SCHEMA_MESSAGES 145

/* Every message, by its index. Naming it links every table. */
extern const lrm_schema_message *const lrm_schema_messages[LRM_SCHEMA_MESSAGES];
/* protobuf-c's descriptor of every message, by its index. */
struct ProtobufCMessageDescriptor;
extern const struct ProtobufCMessageDescriptor *const lrm_schema_descriptors[LRM_SCHEMA_MESSAGES];

#ifdef __cplusplus
}
#endif
#endif
