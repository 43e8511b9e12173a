// OpenAI responses.
import { id, sleep } from './script.mjs';
import { str, fold, words, sse, json, textOf, thinkOf, callOf } from './common.mjs';

export function read(b) {
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

export async function write(res, b, p) {
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
