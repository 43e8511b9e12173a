"""The agents that are run: what to install, exactly, and what cannot be read from their own words."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Agent:
    name: str           # its start script is NAME.sh
    title: str
    package: str        # on npm
    version: str
    wire: str           # how it speaks with its model
    mode: str = ""      # set at the start, when the agent would start in one that asks nobody
    install: str = "--ignore-scripts"  # for npm; "" where its own install script is needed
    to_ask: tuple = ()  # an option and its value with which alone it asks questions
    other_minute: bool = False  # it forgets a session that is loaded in the minute in which it was used last
    local_command: str = ""  # one of its own slash commands that needs no model and changes nothing


AGENTS = {a.name: a for a in (
    Agent("opencode", "OpenCode", "opencode-ai", "1.18.33", "OpenAI chat completions", install=""),
    Agent("claude", "Claude Code (claude-agent-acp)", "@agentclientprotocol/claude-agent-acp", "0.101.0",
          "Anthropic messages", mode="default", local_command="context"),
    Agent("codex", "Codex (codex-acp)", "@agentclientprotocol/codex-acp", "2.6.0", "OpenAI responses",
          mode="read-only", to_ask=("collaboration_mode", "plan"), local_command="status"),
    Agent("gemini", "Gemini CLI", "@google/gemini-cli", "0.61.0", "Gemini generateContent",
          other_minute=True, local_command="memory list"),
    Agent("qwen", "Qwen Code", "@qwen-code/qwen-code", "0.24.4", "OpenAI chat completions", mode="default",
          local_command="status"),
    Agent("copilot", "Copilot CLI", "@github/copilot", "1.0.102", "OpenAI chat completions"),
)}
