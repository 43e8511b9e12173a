#!/bin/bash
# Gemini CLI in ACP mode on the scripted model (Gemini generateContent). Needs FAKE_URL, AGENT_HOME and INST, as
# opencode.sh.
set -eu
export HOME="$AGENT_HOME" GEMINI_CLI_HOME="$AGENT_HOME"
mkdir -p "$AGENT_HOME/.gemini"
cat > "$AGENT_HOME/.gemini/settings.json" <<J
{ "security": { "auth": { "selectedType": "gemini-api-key" }, "folderTrust": { "enabled": false } },
  "privacy": { "usageStatisticsEnabled": false }, "telemetry": { "enabled": false },
  "general": { "disableAutoUpdate": true, "disableUpdateNag": true, "enableAutoUpdate": false, "enableAutoUpdateNotification": false,
    "checkpointing": { "enabled": false } },
  "model": { "name": "gemini-fake" }, "tools": { "useRipgrep": false }, "useWriteTodos": true }
J
export GEMINI_API_KEY=dummy GOOGLE_GEMINI_BASE_URL="$FAKE_URL" GEMINI_MODEL=gemini-fake GEMINI_CLI_TRUST_WORKSPACE=true GEMINI_CLI_NO_RELAUNCH=1
exec "$INST/gemini/node_modules/.bin/gemini" --acp
