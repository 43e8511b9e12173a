#!/bin/bash
# Copilot CLI in ACP mode on the scripted model (OpenAI chat completions). Needs FAKE_URL, AGENT_HOME and INST, as
# opencode.sh.
set -eu
export HOME="$AGENT_HOME" COPILOT_HOME="$AGENT_HOME/.copilot" XDG_CONFIG_HOME="$AGENT_HOME/.config" XDG_STATE_HOME="$AGENT_HOME/.local/state"
mkdir -p "$COPILOT_HOME"
export COPILOT_OFFLINE=true COPILOT_AUTO_UPDATE=false
export COPILOT_PROVIDER_TYPE=openai COPILOT_PROVIDER_BASE_URL="$FAKE_URL/v1" COPILOT_PROVIDER_API_KEY=dummy COPILOT_MODEL=fake-model
exec "$INST/copilot/node_modules/.bin/copilot" --acp --no-auto-update
