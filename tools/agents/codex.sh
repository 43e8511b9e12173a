#!/bin/bash
# Codex's ACP adapter on the scripted model (OpenAI responses). Needs FAKE_URL, AGENT_HOME and INST, as opencode.sh.
set -eu
export HOME="$AGENT_HOME" CODEX_HOME="$AGENT_HOME/.codex" OPENAI_API_KEY=dummy FAKE_API_KEY=dummy
mkdir -p "$CODEX_HOME"
cat > "$CODEX_HOME/config.toml" <<T
model = "gpt-5.5"
model_provider = "fake"
check_for_update_on_startup = false
approval_policy = "on-request"
sandbox_mode = "workspace-write"
[model_providers.fake]
name = "Fake"
base_url = "$FAKE_URL/v1"
env_key = "FAKE_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
[otel]
exporter = "none"
T
exec "$INST/codex/node_modules/.bin/codex-acp"
