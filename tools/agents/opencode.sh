#!/bin/bash
# OpenCode in ACP mode on the scripted model. Needs FAKE_URL (http://127.0.0.1:PORT), AGENT_HOME (an empty
# folder), INST (the folder of the npm installs).
set -eu
mkdir -p "$AGENT_HOME/.config/opencode"
cat > "$AGENT_HOME/.config/opencode/opencode.json" <<J
{ "\$schema": "https://opencode.ai/config.json", "autoupdate": false, "share": "disabled",
  "model": "fake/fake-model", "small_model": "fake/fake-model", "enabled_providers": ["fake"],
  "permission": { "bash": "ask", "edit": "ask", "webfetch": "ask" },
  "provider": { "fake": { "npm": "@ai-sdk/openai-compatible", "name": "Fake", "options": { "baseURL": "$FAKE_URL/v1", "apiKey": "dummy" },
    "models": { "fake-model": { "name": "Fake Model", "tool_call": true, "reasoning": true, "limit": { "context": 100000, "output": 8000 } },
                "fake-two": { "name": "Fake Two", "tool_call": true, "limit": { "context": 100000, "output": 8000 } } } } } }
J
export HOME="$AGENT_HOME" XDG_CONFIG_HOME="$AGENT_HOME/.config" XDG_DATA_HOME="$AGENT_HOME/.local/share" XDG_CACHE_HOME="$AGENT_HOME/.cache" XDG_STATE_HOME="$AGENT_HOME/.local/state"
export OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1 OPENCODE_DISABLE_LSP_DOWNLOAD=1 OPENCODE_DISABLE_DEFAULT_PLUGINS=1
exec "$INST/opencode/node_modules/.bin/opencode" acp
