// OpenAI chat completions.
import { id, sleep } from './script.mjs';
import { str, fold, words, sse, json, textOf, callOf } from './common.mjs';

export function read(b) {
  const ev = [];
  for (const m of b.messages || []) {
    if (m.role === 'user') ev.push({ user: str(m.content) });
    else if (m.role === 'tool') ev.push({ result: str(m.content) });
  }
  const tools = (b.tools || []).map(t => ({ name: t.function?.name || t.custom?.name || t.name, schema: t.function?.parameters, custom: t.type === 'custom' }));
  return fold(ev, tools, b.response_format ? '{}' : null);
}

export async function write(res, b, p) {
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
