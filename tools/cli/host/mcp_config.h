/* Tool servers (MCP) that an agent is to use, from the JSON file that other tools use for them:
 * {"mcpServers": {"NAME": {"command": "x", "args": [], "env": {}} | {"type": "http", "url": ".."}}}
 */
#ifndef REMOTE_CLI_MCP_CONFIG_H
#define REMOTE_CLI_MCP_CONFIG_H

#include <jansson.h>
#include <stddef.h>

#define MCP_CONFIG_BYTES_MAX (1024u * 1024u)
#define MCP_SERVERS_MAX 64u

/* The servers as session/new wants them: programs by their absolute path. NULL: `error` says what
 * is wrong and where. What is in the file stays on this machine: it may hold secrets. */
json_t *mcp_config_load(const char *path, char *error, size_t error_bytes);

#endif
