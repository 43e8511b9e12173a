#!/bin/bash
# Claude Code's ACP adapter on the scripted model (Anthropic messages). Needs FAKE_URL, AGENT_HOME and INST, as
# opencode.sh.
set -eu
export HOME="$AGENT_HOME" CLAUDE_CONFIG_DIR="$AGENT_HOME/.claude"
mkdir -p "$CLAUDE_CONFIG_DIR"
export ANTHROPIC_BASE_URL="$FAKE_URL" ANTHROPIC_AUTH_TOKEN=dummy ANTHROPIC_MODEL=claude-fake ANTHROPIC_SMALL_FAST_MODEL=claude-fake
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_TELEMETRY=1 DISABLE_ERROR_REPORTING=1 DISABLE_AUTOUPDATER=1 DISABLE_BUG_COMMAND=1
export CLAUDE_CODE_ENABLE_TODO_TOOLS=1 # it shows them as a plan
export IS_SANDBOX=1 # lets it start as root
exec "$INST/claude/node_modules/.bin/claude-agent-acp"
