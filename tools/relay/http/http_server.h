/* The relay's HTTP side on its loop: listeners for http, https, ws, wss, poll and polls, which are
 * all the same server. */
#ifndef RELAY_HTTP_SERVER_H
#define RELAY_HTTP_SERVER_H

#include "server.h"

/* The scheme is one of those. */
bool http_server_serves(const lrm_url *url);
/* Judges --web, --origin and --trusted-proxy and reads the files; before anything listens. False:
 * it has said why. */
bool http_server_open(server *s);
int http_server_listen(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                       size_t error_bytes);
/* Where people find the page of --web: the first --origin, or the first listener of HTTP. False:
 * there is none. */
bool http_server_page(const server *s, char *out, size_t out_bytes);
/* Reads the files of --web anew; those that are there stay when it cannot. */
bool http_server_reload(server *s, char *error, size_t error_bytes);
/* Nothing new is taken; who waits for nothing is gone, answers go out. */
void http_server_leave(server *s);
/* Answers are still on their way. */
bool http_server_busy(const server *s);
/* After the loop has stopped. */
void http_server_close(server *s);

#endif
