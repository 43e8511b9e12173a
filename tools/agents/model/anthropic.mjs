// Anthropic messages.
import { id, sleep } from './script.mjs';
import { str, fold, words, sse, json, textOf, callOf } from './common.mjs';

export function read(b) {
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

export async function write(res, b, p) {
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
