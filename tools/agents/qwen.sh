#!/bin/bash
# Qwen Code in ACP mode on the scripted model (OpenAI chat completions). Needs FAKE_URL, AGENT_HOME and INST, as
# opencode.sh.
set -eu
export HOME="$AGENT_HOME" QWEN_HOME="$AGENT_HOME/.qwen"
mkdir -p "$QWEN_HOME"
cat > "$QWEN_HOME/settings.json" <<J
{ "\$version": 3, "security": { "auth": { "selectedType": "openai" }, "folderTrust": { "enabled": false } },
  "privacy": { "usageStatisticsEnabled": false }, "telemetry": { "enabled": false },
  "general": { "disableAutoUpdate": true, "disableUpdateNag": true, "enableAutoUpdate": false },
  "modelProviders": { "openai": [ { "id": "fake-model", "name": "Fake Model", "baseUrl": "$FAKE_URL/v1", "envKey": "OPENAI_API_KEY" },
    { "id": "fake-two", "name": "Fake Two", "baseUrl": "$FAKE_URL/v1", "envKey": "OPENAI_API_KEY" } ] },
  "model": { "name": "fake-model" }, "tools": { "todoWrite": { "enabled": true } } }
J
export OPENAI_API_KEY=dummy OPENAI_BASE_URL="$FAKE_URL/v1" OPENAI_MODEL=fake-model
exec "$INST/qwen/node_modules/.bin/qwen" --acp
