#!/usr/bin/env node
// Scripted model server. No dependencies, Node >= 18, listens on 127.0.0.1 only.
//   node scripted-model.mjs [port] [--log DIR]      prints {"port":N} on stdout when ready
// Speaks: OpenAI chat completions, OpenAI responses, Anthropic messages, Gemini generateContent.
// Script: the last user text is read line by line; a line that starts with one of these is a step.
//   SAY x        text x, several chunks          THINK x      reasoning chunks
//   RUN cmd      the agent's shell tool          READ path    the agent's read tool
//   SH cmd       as RUN, without asking codex to leave its sandbox (RUN asks: that is what raises the approval)
//   WRITE p [c]  the agent's write/patch tool    EDIT p a=>b  the agent's edit tool (old text a, new text b)
//   PLAN a|b|c   the agent's todo/plan tool      TOOL name {json}  any tool by name
//   FETCH url    the agent's web fetch tool      ASK q|a|b    the agent's ask-the-user tool
//   SLOW n [ms]  n chunks, ms (200) apart        FAIL code    answers HTTP code (e.g. FAIL 500)
// Tool steps end one model turn; the next turn (tool result in) goes on with the step after it.
// When the steps are used up the model says "done: <last tool output>".
// A request that offers no tools (title, summary, router) gets the text "fake title" (or a JSON stub if JSON is asked for).
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { plan } from './model/script.mjs';
import { json } from './model/common.mjs';
import * as chat from './model/openai_chat.mjs';
import * as responses from './model/openai_responses.mjs';
import * as anthropic from './model/anthropic.mjs';
import * as gemini from './model/gemini.mjs';

const argv = process.argv.slice(2);
const li = argv.indexOf('--log');
const logDir = li >= 0 ? argv[li + 1] : process.env.FAKE_LOG;
const port = Number(argv.find(a => /^\d+$/.test(a)) || 0);
if (logDir) fs.mkdirSync(logDir, { recursive: true });
let seq = 0;

// ---------- server ----------
const MODELS = ['fake-model', 'fake', 'claude-fake', 'gemini-fake', 'gpt-fake'];
const server = http.createServer((req, res) => {
  let raw = [];
  req.on('data', c => raw.push(c));
  req.on('end', async () => {
    const u = new URL(req.url, 'http://x'); const k = ++seq; let b = {};
    const body = Buffer.concat(raw).toString('utf8');
    try { b = body ? JSON.parse(body) : {}; } catch { /* not JSON */ }
    const note = o => logDir && fs.appendFileSync(path.join(logDir, 'requests.ndjson'), JSON.stringify(o) + '\n');
    if (logDir && body) fs.writeFileSync(path.join(logDir, `req-${String(k).padStart(4, '0')}.json`), body);
    const hit = (kind, n, p) => note({ k, t: Date.now(), m: req.method, url: req.url, kind, model: b.model, stream: b.stream, user: n?.user?.slice(-300), results: n?.results?.length, lastResult: n?.results?.at(-1)?.slice(0, 300), tools: n?.tools?.map(t => t.name), plan: p?.map(x => x.call ? { call: x.call.tool.name, args: x.call.args } : x).slice(0, 6) });
    res.on('close', () => note({ k, closed: true, complete: res.writableFinished, t: Date.now() }));
    try {
      const P = u.pathname;
      const fail = p => { const f = p.find(x => x.fail); if (!f) return false; json(res, f.fail, { type: 'error', error: { type: 'api_error', code: f.fail, status: 'INTERNAL', message: `scripted failure ${f.fail}` } }); return true; };
      if (req.method === 'POST' && /\/chat\/completions$/.test(P)) { const n = chat.read(b), p = plan(n); hit('chat', n, p); if (!fail(p)) await chat.write(res, b, p); return; }
      if (req.method === 'POST' && /\/responses$/.test(P)) { const n = responses.read(b), p = plan(n); hit('responses', n, p); if (!fail(p)) await responses.write(res, b, p); return; }
      if (req.method === 'POST' && /\/messages\/count_tokens$/.test(P)) { hit('count'); return json(res, 200, { input_tokens: 100 }); }
      if (req.method === 'POST' && /\/messages$/.test(P)) { const n = anthropic.read(b), p = plan(n); hit('messages', n, p); if (!fail(p)) await anthropic.write(res, b, p); return; }
      const g = /\/models\/([^/:]+):(\w+)$/.exec(P);
      if (g && g[2] === 'countTokens') { hit('count'); return json(res, 200, { totalTokens: 100 }); }
      if (g && /generateContent$/i.test(g[2])) { b.model = g[1]; const n = gemini.read(b), p = plan(n); hit('gemini', n, p); if (!fail(p)) await gemini.write(res, p, g[2] === 'streamGenerateContent'); return; }
      if (req.method === 'GET' && /\/models$/.test(P)) { hit('models'); return json(res, 200, { object: 'list', has_more: false, data: MODELS.map(m => ({ id: m, object: 'model', type: 'model', display_name: m, created: 1, created_at: '2025-01-01T00:00:00Z', owned_by: 'fake' })), models: MODELS.map(m => ({ name: 'models/' + m, displayName: m })) }); }
      hit('other'); json(res, 404, { error: { message: 'not here: ' + P, type: 'not_found_error' } });
    } catch (e) { note({ k, error: String(e.stack) }); if (!res.headersSent) json(res, 500, { error: { message: String(e) } }); else res.end(); }
  });
});
server.on('upgrade', (req, s) => { s.end('HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'); });
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, pid: process.pid })));
