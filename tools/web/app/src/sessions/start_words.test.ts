import { expect, test } from "vitest";
import { startCommands } from "./start_words.ts";

test.each([
  ["wss://relay.example.org/v1/link", "remote login wss://relay.example.org", "remote host --relay wss://relay.example.org --remote -- AGENT"],
  ["wss://example.org/relay/v1/link", "remote login wss://example.org/relay", "remote host --relay wss://example.org/relay --remote -- AGENT"],
  ["ws://127.0.0.1:7443/v1/link", "remote login ws://127.0.0.1:7443", "remote host --relay ws://127.0.0.1:7443 --remote -- AGENT"],
  ["ws://192.0.2.7:7443/v1/link", "remote login --insecure ws://192.0.2.7:7443", "remote host --insecure --relay ws://192.0.2.7:7443 --remote -- AGENT"],
  ["ws://[::1]:7443/v1/link", "remote login 'ws://[::1]:7443'", "remote host --relay 'ws://[::1]:7443' --remote -- AGENT"],
])("%s", (link, login, host) => expect(startCommands(link)).toMatchObject({ login, host }));
