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

const argv = process.argv.slice(2);
const li = argv.indexOf('--log');
const logDir = li >= 0 ? argv[li + 1] : process.env.FAKE_LOG;
const port = Number(argv.find(a => /^\d+$/.test(a)) || 0);
if (logDir) fs.mkdirSync(logDir, { recursive: true });
let seq = 0, ids = 0;
const id = p => `${p}_fake${String(++ids).padStart(6, '0')}`;
const sleep = ms => new Promise(r => setTimeout(r, ms));
const STEP = /^\s*(?:\[\[\w+\]\]\s*)?(SAY|THINK|RUN|SH|READ|WRITE|EDIT|PLAN|TOOL|FETCH|ASK|SLOW|FAIL)\b[ \t]*(.*)$/;

// ---------- script ----------
const steps = t => t.split(/\r?\n/).map(l => STEP.exec(l)).filter(Boolean).map(m => ({ op: m[1], arg: m[2].trim() }));
const TOOL_OPS = new Set(['RUN', 'SH', 'READ', 'WRITE', 'EDIT', 'PLAN', 'TOOL', 'FETCH', 'ASK']);
function cut(s, n = 4) { // several chunks, loss-free
  if (!s) return [];
  const size = Math.max(1, Math.ceil(s.length / n)); const out = [];
  const cp = [...s];
  for (let i = 0; i < cp.length; i += size) out.push(cp.slice(i, i + size).join(''));
  return out;
}
const NAMES = {
  RUN: ['bash', 'Bash', 'run_shell_command', 'exec_command', 'shell_command', 'shell', 'local_shell', 'execute_command'],
  READ: ['read', 'Read', 'read_file', 'view', 'view_file'],
  WRITE: ['write', 'Write', 'write_file', 'create', 'apply_patch', 'edit'],
  EDIT: ['edit', 'Edit', 'replace', 'str_replace', 'apply_patch'],
  PLAN: ['todowrite', 'TodoWrite', 'write_todos', 'update_plan', 'update_todo', 'todo_write', 'TaskCreate', 'report_intent'],
  FETCH: ['webfetch', 'WebFetch', 'web_fetch'],
  ASK: ['AskUserQuestion', 'ask_user', 'question', 'request_user_input'],
};
NAMES.SH = NAMES.RUN;
function defaults(schema) { // fill required properties we know nothing about
  if (!schema) return null;
  const t = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (schema.enum) return schema.enum[0];
  if (t === 'string' || t === 'STRING') return 'fake';
  if (t === 'number' || t === 'integer' || t === 'NUMBER' || t === 'INTEGER') return schema.minimum || 1;
  if (t === 'boolean' || t === 'BOOLEAN') return false;
  if (t === 'array' || t === 'ARRAY') return [];
  if (t === 'object' || t === 'OBJECT') return fill({}, schema);
  return 'fake';
}
function fill(args, schema) {
  const props = schema?.properties || {};
  for (const k of schema?.required || []) if (!(k in args)) args[k] = defaults(props[k]);
  return args;
}
function pick(tools, op, want) {
  const names = want ? [want] : NAMES[op];
  for (const n of names) { const t = tools.find(t => t.name === n); if (t) return t; }
  if (!want && (op === 'RUN' || op === 'SH')) return tools.find(t => /shell|bash|exec/i.test(t.name));
  if (!want && op === 'PLAN') return tools.find(t => /todo|(?<!enter_?|exit_?)plan(?!_?mode)/i.test(t.name));
  return null;
}
function has(t, k) { return !t.schema?.properties || k in t.schema.properties; }
function makeCall(tools, { op, arg }, state) {
  if (op === 'TOOL') {
    const m = /^(\S+)\s*(.*)$/s.exec(arg) || [];
    const t = pick(tools, op, m[1]) || (m[1] && { name: m[1] }); if (!t) return null; // not offered: asked for all the same (deferred tools)
    return { tool: t, args: m[2] ? JSON.parse(m[2]) : {}, id: id('call') };
  }
  const t = pick(tools, op); if (!t) return null;
  let args = {};
  const props = t.schema?.properties || {};
  const first = (...ks) => ks.find(k => k in props) || ks[0];
  if (op === 'RUN' || op === 'SH') {
    const k = first('command', 'cmd');
    const p = props[k];
    const arr = p && (p.type === 'array' || p.type === 'ARRAY');
    args[k] = arr ? ['bash', '-lc', arg] : arg;
    if ('description' in props) args.description = 'Runs: ' + arg;
    if (op === 'RUN' && 'sandbox_permissions' in props) { args.sandbox_permissions = 'require_escalated'; args.justification = 'The script asks for it'; } // codex: this is what raises an approval
  } else if (op === 'READ') {
    args[first('filePath', 'file_path', 'absolute_path', 'path')] = arg;
  } else if (op === 'WRITE') {
    const m = /^(\S+)\s*(.*)$/.exec(arg) || [null, 'out.txt', ''];
    const body = (m[2] || 'hello from the fake model') + '\n';
    if (t.name === 'apply_patch') args = { input: `*** Begin Patch\n*** Add File: ${m[1]}\n+${body.trimEnd()}\n*** End Patch\n` };
    else { args[first('filePath', 'file_path', 'path')] = m[1]; args[first('content', 'file_text')] = body; }
  } else if (op === 'EDIT') {
    const m = /^(\S+)\s+(.*?)=>(.*)$/.exec(arg) || [null, 'out.txt', 'a', 'b'];
    if (t.name === 'apply_patch') args = { input: `*** Begin Patch\n*** Update File: ${m[1]}\n@@\n-${m[2]}\n+${m[3]}\n*** End Patch\n` };
    else {
      args[first('filePath', 'file_path', 'path')] = m[1];
      args[first('oldString', 'old_string', 'old_str')] = m[2];
      args[first('newString', 'new_string', 'new_str')] = m[3];
      if ('instruction' in props) args.instruction = 'replace text';
    }
  } else if (op === 'PLAN') {
    const items = (arg || 'one|two|three').split('|').map(s => s.trim());
    const st = i => (i === 0 ? 'in_progress' : 'pending');
    if ('plan' in props) args.plan = items.map((s, i) => ({ step: s, status: st(i) }));
    else if (props.todos && /string/i.test(props.todos.type || '')) args.todos = items.map((s, i) => `- [ ] ${s}`).join('\n');
    else if (t.name === 'TaskCreate') args = { subject: items[0], description: items[0], activeForm: items[0] };
    else args.todos = items.map((s, i) => ({ content: s, description: s, activeForm: 'Doing ' + s, status: st(i), priority: i ? 'medium' : 'high', id: String(i + 1) }))
      .map(o => { const p = props.todos?.items?.properties; return p ? Object.fromEntries(Object.entries(o).filter(([k]) => k in p)) : o; });
  } else if (op === 'FETCH') {
    if ('prompt' in props && !('url' in props)) args.prompt = 'Fetch ' + arg;
    else { args.url = arg; if ('prompt' in props) args.prompt = 'what is it'; }
  } else if (op === 'ASK') {
    const [q, ...opts] = arg.split('|').map(s => s.trim());
    if ('questions' in props) args.questions = [{ question: q, header: 'Choice', id: 'q1', type: 'choice', multiSelect: false, options: (opts.length ? opts : ['yes', 'no']).map(o => ({ label: o, description: o })) }]
      .map(o => { const p = props.questions.items?.properties; return p ? Object.fromEntries(Object.entries(o).filter(([k]) => k in p)) : o; });
    else { args.question = q; if (opts.length) args.choices = opts; }
  }
  return { tool: t, args: t.custom ? args : fill(args, t.schema), id: id('call') };
}
// out: list of {text,delay} | {think,delay} | {call} | {fail}
function plan(n) {
  if (!n.tools.length) return [{ text: n.json ? n.json : 'fake title' }];
  const all = steps(n.user);
  // An agent whose prompt failed may send it again in front of the next one, in one message.
  const list = all.slice(1 + all.findLastIndex((s, i) => s.op === 'FAIL' && i < all.length - 1));
  const out = [];
  let done = n.results.length, i = 0;
  while (done > 0 && i < list.length) { if (TOOL_OPS.has(list[i].op)) done--; i++; }
  for (; i < list.length; i++) {
    const s = list[i];
    if (s.op === 'SAY') cut(s.arg).forEach(text => out.push({ text, delay: 15 }));
    else if (s.op === 'THINK') cut(s.arg).forEach(think => out.push({ think, delay: 15 }));
    else if (s.op === 'SLOW') {
      const [c, ms] = s.arg.split(/\s+/).map(Number);
      for (let k = 1; k <= (c || 5); k++) out.push({ text: `slow ${k}/${c || 5}\n`, delay: ms || 200 });
    } else if (s.op === 'FAIL') return [{ fail: Number(s.arg) || 500 }];
    else {
      const call = makeCall(n.tools, s);
      if (!call) { out.push({ text: `no tool for ${s.op} (offered: ${n.tools.map(t => t.name).join(',')})\n` }); continue; }
      out.push({ call });
      return out;
    }
  }
  const fin = n.nudged && n.tools.find(t => t.name === 'task_complete'); // copilot autopilot goes on until this tool is called
  if (fin) return [{ call: { tool: fin, args: fill({ summary: 'script finished' }, fin.schema), id: id('call') } }];
  if (n.results.length) cut('done: ' + n.results.at(-1).trim().slice(0, 2000)).forEach(text => out.push({ text, delay: 10 }));
  if (!out.length) out.push({ text: 'ok (no script line in the prompt)' });
  return out;
}

// ---------- request readers: -> {user, results[], tools[{name,schema,custom}], json} ----------
const str = v => typeof v === 'string' ? v : Array.isArray(v) ? v.map(x => typeof x === 'string' ? x : x.text ?? (x.content ? str(x.content) : '')).join('\n') : v == null ? '' : JSON.stringify(v);
// events: [{user}|{result}] in order; the last user event that holds a step wins; results after it count
function fold(events, tools, json) {
  let at = -1;
  events.forEach((e, i) => { if (e.user != null && steps(e.user).length) at = i; });
  const user = at >= 0 ? events[at].user : '';
  const results = events.slice(at + 1).filter(e => e.result != null).map(e => e.result);
  return { user, results, tools, json, nudged: at >= 0 && events.at(-1)?.user != null && at < events.length - 1 && results.length > 0 };
}
function readChat(b) {
  const ev = [];
  for (const m of b.messages || []) {
    if (m.role === 'user') ev.push({ user: str(m.content) });
    else if (m.role === 'tool') ev.push({ result: str(m.content) });
  }
  const tools = (b.tools || []).map(t => ({ name: t.function?.name || t.custom?.name || t.name, schema: t.function?.parameters, custom: t.type === 'custom' }));
  return fold(ev, tools, b.response_format ? '{}' : null);
}
function readResponses(b) {
  const ev = [];
  const input = typeof b.input === 'string' ? [{ role: 'user', content: b.input }] : b.input || [];
  for (const m of input) {
    if (m.role === 'user') ev.push({ user: str(m.content) });
    else if (/_output$/.test(m.type || '')) ev.push({ result: str(m.output) });
  }
  const tools = [];
  for (const t of b.tools || []) {
    if (t.type === 'namespace') for (const u of t.tools || []) tools.push({ name: u.name, ns: t.name, schema: u.parameters });
    else if (t.type === 'local_shell') tools.push({ name: 'local_shell', local: true });
    else if (t.name) tools.push({ name: t.name, schema: t.parameters, custom: t.type === 'custom' });
  }
  return fold(ev, tools, b.text?.format?.type === 'json_schema' ? '{}' : null);
}
function readAnthropic(b) {
  const ev = [];
  for (const m of b.messages || []) {
    if (m.role !== 'user') continue;
    const parts = typeof m.content === 'string' ? [{ type: 'text', text: m.content }] : m.content;
    for (const p of parts) {
      if (p.type === 'text') ev.push({ user: p.text });
      else if (p.type === 'tool_result') ev.push({ result: str(p.content) });
    }
  }
  const tools = (b.tools || []).filter(t => t.input_schema).map(t => ({ name: t.name, schema: t.input_schema }));
  return fold(ev, tools, null);
}
function readGemini(b) {
  const ev = [];
  for (const c of b.contents || []) for (const p of c.parts || []) {
    if (p.functionResponse) { const r = p.functionResponse.response; ev.push({ result: str(r?.output ?? r?.error ?? r) }); }
    else if (c.role !== 'model' && p.text != null) ev.push({ user: p.text });
  }
  const tools = (b.tools || []).flatMap(t => t.functionDeclarations || []).map(f => ({ name: f.name, schema: f.parametersJsonSchema || f.parameters }));
  const js = b.generationConfig?.responseMimeType === 'application/json' || b.generationConfig?.responseJsonSchema;
  return fold(ev, tools, js ? JSON.stringify(fill({}, b.generationConfig?.responseJsonSchema || b.generationConfig?.responseSchema)) : null);
}

// ---------- writers ----------
const words = s => Math.max(1, Math.ceil((s || '').length / 4));
function sse(res) {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', connection: 'keep-alive' });
  res.gone = false; res.on('close', () => { res.gone = true; });
  return (event, data) => { if (!res.gone) res.write((event ? `event: ${event}\n` : '') + `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`); };
}
const json = (res, code, o) => { res.writeHead(code, { 'content-type': 'application/json' }); res.end(JSON.stringify(o)); };
const textOf = p => p.filter(x => x.text).map(x => x.text).join('');
const thinkOf = p => p.filter(x => x.think).map(x => x.think).join('');
const callOf = p => p.find(x => x.call)?.call;

async function writeChat(res, b, p) {
  const base = { id: id('chatcmpl'), created: 1, model: b.model || 'fake' };
  const call = callOf(p);
  const usage = { prompt_tokens: 100, completion_tokens: words(textOf(p)), total_tokens: 100 + words(textOf(p)) };
  const tc = call && { id: call.id, type: 'function', function: { name: call.tool.name, arguments: JSON.stringify(call.args) } };
  if (!b.stream) return json(res, 200, { ...base, object: 'chat.completion', choices: [{ index: 0, finish_reason: call ? 'tool_calls' : 'stop', message: { role: 'assistant', content: textOf(p) || null, ...(tc && { tool_calls: [tc] }) } }], usage });
  const send = sse(res); const o = { ...base, object: 'chat.completion.chunk' };
  const ch = (delta, finish_reason = null) => send(null, { ...o, choices: [{ index: 0, delta, finish_reason }] });
  ch({ role: 'assistant', content: '' });
  for (const x of p) {
    if (x.delay) await sleep(x.delay);
    if (res.gone) return;
    if (x.text) ch({ content: x.text });
    if (x.think) ch({ reasoning_content: x.think });
    if (x.call) {
      ch({ tool_calls: [{ index: 0, ...tc, function: { name: tc.function.name, arguments: '' } }] });
      ch({ tool_calls: [{ index: 0, function: { arguments: tc.function.arguments } }] });
    }
  }
  ch({}, call ? 'tool_calls' : 'stop');
  send(null, { ...o, choices: [], usage }); send(null, '[DONE]'); res.end();
}

async function writeResponses(res, b, p) {
  const rid = id('resp'); const model = b.model || 'fake';
  const call = callOf(p); const text = textOf(p), think = thinkOf(p);
  const usage = { input_tokens: 100, input_tokens_details: { cached_tokens: 0 }, output_tokens: words(text), output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 100 + words(text) };
  const output = [];
  const item = call && (call.tool.local
    ? { type: 'local_shell_call', id: id('lsc'), call_id: call.id, status: 'completed', action: { type: 'exec', command: ['bash', '-lc', call.args.command], env: {} } }
    : call.tool.custom
      ? { type: 'custom_tool_call', id: id('ctc'), call_id: call.id, status: 'completed', name: call.tool.name, input: call.args.input ?? JSON.stringify(call.args) }
      : { type: 'function_call', id: id('fc'), call_id: call.id, status: 'completed', name: call.tool.name, ...(call.tool.ns && { namespace: call.tool.ns }), arguments: JSON.stringify(call.args) });
  const shell = status => ({ id: rid, object: 'response', created_at: 1, status, model, output, ...(status === 'completed' && { usage }), parallel_tool_calls: false, tool_choice: 'auto', tools: [], error: null, incomplete_details: null, instructions: null, metadata: {} });
  if (!b.stream) {
    if (text) output.push({ type: 'message', id: id('msg'), role: 'assistant', status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] });
    if (item) output.push(item);
    return json(res, 200, shell('completed'));
  }
  const send0 = sse(res); let n = 0, idx = 0;
  const send = (type, o) => send0(type, { type, sequence_number: n++, ...o });
  send('response.created', { response: shell('in_progress') });
  send('response.in_progress', { response: shell('in_progress') });
  if (think) {
    const rs = { type: 'reasoning', id: id('rs'), summary: [] };
    send('response.output_item.added', { output_index: idx, item: rs });
    send('response.reasoning_summary_part.added', { item_id: rs.id, output_index: idx, summary_index: 0, part: { type: 'summary_text', text: '' } });
    for (const x of p) if (x.think) { await sleep(x.delay || 0); send('response.reasoning_summary_text.delta', { item_id: rs.id, output_index: idx, summary_index: 0, delta: x.think }); }
    rs.summary = [{ type: 'summary_text', text: think }];
    send('response.reasoning_summary_text.done', { item_id: rs.id, output_index: idx, summary_index: 0, text: think });
    send('response.reasoning_summary_part.done', { item_id: rs.id, output_index: idx, summary_index: 0, part: rs.summary[0] });
    send('response.output_item.done', { output_index: idx, item: rs }); output.push(rs); idx++;
  }
  if (text) {
    const msg = { type: 'message', id: id('msg'), role: 'assistant', status: 'in_progress', content: [] };
    send('response.output_item.added', { output_index: idx, item: msg });
    send('response.content_part.added', { item_id: msg.id, output_index: idx, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } });
    for (const x of p) if (x.text) { await sleep(x.delay || 0); if (res.gone) return; send('response.output_text.delta', { item_id: msg.id, output_index: idx, content_index: 0, delta: x.text, logprobs: [] }); }
    const part = { type: 'output_text', text, annotations: [] };
    send('response.output_text.done', { item_id: msg.id, output_index: idx, content_index: 0, text, logprobs: [] });
    send('response.content_part.done', { item_id: msg.id, output_index: idx, content_index: 0, part });
    const m2 = { ...msg, status: 'completed', content: [part] };
    send('response.output_item.done', { output_index: idx, item: m2 }); output.push(m2); idx++;
  }
  if (item) {
    send('response.output_item.added', { output_index: idx, item: { ...item, status: 'in_progress', ...('arguments' in item && { arguments: '' }), ...('input' in item && { input: '' }) } });
    if (item.type === 'function_call') {
      send('response.function_call_arguments.delta', { item_id: item.id, output_index: idx, delta: item.arguments });
      send('response.function_call_arguments.done', { item_id: item.id, output_index: idx, arguments: item.arguments });
    } else if (item.type === 'custom_tool_call') {
      send('response.custom_tool_call_input.delta', { item_id: item.id, output_index: idx, delta: item.input });
      send('response.custom_tool_call_input.done', { item_id: item.id, output_index: idx, input: item.input });
    }
    send('response.output_item.done', { output_index: idx, item }); output.push(item); idx++;
  }
  send('response.completed', { response: shell('completed') }); res.end();
}

async function writeAnthropic(res, b, p) {
  const mid = id('msg'); const call = callOf(p); const stop = call ? 'tool_use' : 'end_turn';
  const usage = { input_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: words(textOf(p)) };
  const head = { id: mid, type: 'message', role: 'assistant', model: b.model || 'fake', content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } };
  if (!b.stream) {
    const content = [];
    if (textOf(p)) content.push({ type: 'text', text: textOf(p) });
    if (call) content.push({ type: 'tool_use', id: call.id.replace('call', 'toolu'), name: call.tool.name, input: call.args });
    return json(res, 200, { ...head, content, stop_reason: stop, usage });
  }
  const send0 = sse(res); const send = (type, o) => send0(type, { type, ...o });
  send('message_start', { message: head });
  let idx = -1, open = null;
  const close = () => { if (open) { if (open === 'thinking') send('content_block_delta', { index: idx, delta: { type: 'signature_delta', signature: 'ZmFrZQ==' } }); send('content_block_stop', { index: idx }); open = null; } };
  const start = (kind, content_block) => { if (open === kind) return; close(); idx++; open = kind; send('content_block_start', { index: idx, content_block }); };
  for (const x of p) {
    if (x.delay) await sleep(x.delay);
    if (res.gone) return;
    if (x.text) { start('text', { type: 'text', text: '' }); send('content_block_delta', { index: idx, delta: { type: 'text_delta', text: x.text } }); }
    if (x.think) { start('thinking', { type: 'thinking', thinking: '', signature: '' }); send('content_block_delta', { index: idx, delta: { type: 'thinking_delta', thinking: x.think } }); }
    if (x.call) {
      start('tool', { type: 'tool_use', id: call.id.replace('call', 'toolu'), name: call.tool.name, input: {} });
      send('content_block_delta', { index: idx, delta: { type: 'input_json_delta', partial_json: JSON.stringify(call.args) } });
    }
  }
  close();
  send('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage }); send('message_stop', {}); res.end();
}

async function writeGemini(res, p, stream) {
  const usageMetadata = { promptTokenCount: 100, candidatesTokenCount: words(textOf(p)), totalTokenCount: 100 + words(textOf(p)) };
  const part = x => x.text ? { text: x.text } : x.think ? { text: x.think, thought: true } : { functionCall: { id: x.call.id, name: x.call.tool.name, args: x.call.args } };
  const cand = (parts, fin) => ({ candidates: [{ index: 0, content: { role: 'model', parts }, ...(fin && { finishReason: 'STOP' }) }], usageMetadata, modelVersion: 'fake', responseId: 'resp_fake' });
  if (!stream) return json(res, 200, cand(p.map(part), true));
  const send = sse(res);
  for (const [i, x] of p.entries()) { if (x.delay) await sleep(x.delay); if (res.gone) return; send(null, cand([part(x)], i === p.length - 1)); }
  res.end();
}

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
      if (req.method === 'POST' && /\/chat\/completions$/.test(P)) { const n = readChat(b), p = plan(n); hit('chat', n, p); if (!fail(p)) await writeChat(res, b, p); return; }
      if (req.method === 'POST' && /\/responses$/.test(P)) { const n = readResponses(b), p = plan(n); hit('responses', n, p); if (!fail(p)) await writeResponses(res, b, p); return; }
      if (req.method === 'POST' && /\/messages\/count_tokens$/.test(P)) { hit('count'); return json(res, 200, { input_tokens: 100 }); }
      if (req.method === 'POST' && /\/messages$/.test(P)) { const n = readAnthropic(b), p = plan(n); hit('messages', n, p); if (!fail(p)) await writeAnthropic(res, b, p); return; }
      const g = /\/models\/([^/:]+):(\w+)$/.exec(P);
      if (g && g[2] === 'countTokens') { hit('count'); return json(res, 200, { totalTokens: 100 }); }
      if (g && /generateContent$/i.test(g[2])) { b.model = g[1]; const n = readGemini(b), p = plan(n); hit('gemini', n, p); if (!fail(p)) await writeGemini(res, p, g[2] === 'streamGenerateContent'); return; }
      if (req.method === 'GET' && /\/models$/.test(P)) { hit('models'); return json(res, 200, { object: 'list', has_more: false, data: MODELS.map(m => ({ id: m, object: 'model', type: 'model', display_name: m, created: 1, created_at: '2025-01-01T00:00:00Z', owned_by: 'fake' })), models: MODELS.map(m => ({ name: 'models/' + m, displayName: m })) }); }
      hit('other'); json(res, 404, { error: { message: 'not here: ' + P, type: 'not_found_error' } });
    } catch (e) { note({ k, error: String(e.stack) }); if (!res.headersSent) json(res, 500, { error: { message: String(e) } }); else res.end(); }
  });
});
server.on('upgrade', (req, s) => { s.end('HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'); });
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, pid: process.pid })));
