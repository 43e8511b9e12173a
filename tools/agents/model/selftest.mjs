// Each wire of the scripted model, asked over HTTP as its agents ask: text, thoughts, a tool call with the arguments
// that the tool's schema wants, its result, a failure; streamed and whole.   node model/selftest.mjs
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const here = dirname(fileURLToPath(import.meta.url));
const server = spawn(process.execPath, [join(here, '..', 'scripted-model.mjs'), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const { port } = JSON.parse(await new Promise(take => server.stdout.once('data', take)));
const base = `http://127.0.0.1:${port}`;

async function post(path, body) {
  const r = await fetch(base + path, { method: 'POST', body: JSON.stringify(body) });
  const text = await r.text();
  if (r.headers.get('content-type') !== 'text/event-stream') return { status: r.status, whole: JSON.parse(text) };
  const events = text.split('\n').filter(l => l.startsWith('data: {')).map(l => JSON.parse(l.slice(6)));
  return { status: r.status, events };
}

const SHELL = { type: 'object', properties: { command: { type: 'string' }, description: { type: 'string' } }, required: ['command'] };

// Each wire: how a request is made of prompts and results, and how text, thoughts and the call are read out of it.
const wires = {
  'openai chat': {
    ask: (texts, results, stream) => post('/v1/chat/completions', { stream, tools: [{ type: 'function', function: { name: 'bash', parameters: SHELL } }],
      messages: [...texts.map(content => ({ role: 'user', content })), ...results.map(content => ({ role: 'tool', content }))] }),
    text: r => r.whole ? r.whole.choices[0].message.content : r.events.map(e => e.choices[0]?.delta.content ?? '').join(''),
    call: r => r.whole ? r.whole.choices[0].message.tool_calls[0].function
      : { arguments: r.events.map(e => e.choices[0]?.delta.tool_calls?.[0].function.arguments ?? '').join('') },
    args: c => JSON.parse(c.arguments),
  },
  'openai responses': {
    ask: (texts, results, stream) => post('/v1/responses', { stream, tools: [{ type: 'function', name: 'exec_command', parameters: SHELL }],
      input: [...texts.map(content => ({ role: 'user', content })), ...results.map(output => ({ type: 'function_call_output', output }))] }),
    text: r => r.whole ? r.whole.output.flatMap(o => o.content ?? []).map(c => c.text).join('')
      : r.events.filter(e => e.type === 'response.output_text.delta').map(e => e.delta).join(''),
    call: r => (r.whole ? r.whole.output : r.events.filter(e => e.type === 'response.output_item.done').map(e => e.item)).find(o => o.type === 'function_call'),
    args: c => JSON.parse(c.arguments),
  },
  anthropic: {
    ask: (texts, results, stream) => post('/v1/messages', { stream, tools: [{ name: 'Bash', input_schema: SHELL }],
      messages: [...texts.map(content => ({ role: 'user', content })),
        ...results.map(content => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content }] }))] }),
    text: r => r.whole ? r.whole.content.map(c => c.text ?? '').join('') : r.events.map(e => e.delta?.text ?? '').join(''),
    call: r => r.whole ? r.whole.content.find(c => c.type === 'tool_use')
      : { ...r.events.find(e => e.content_block?.type === 'tool_use').content_block, input: JSON.parse(r.events.map(e => e.delta?.partial_json ?? '').join('')) },
    args: c => c.input,
  },
  gemini: {
    ask: (texts, results, stream) => post(`/v1beta/models/gemini-fake:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
      { tools: [{ functionDeclarations: [{ name: 'run_shell_command', parametersJsonSchema: SHELL }] }],
        contents: [...texts.map(text => ({ role: 'user', parts: [{ text }] })),
          ...results.map(output => ({ role: 'user', parts: [{ functionResponse: { name: 'run_shell_command', response: { output } } }] }))] }),
    parts: r => (r.whole ? [r.whole] : r.events).flatMap(e => e.candidates[0].content.parts),
    text(r) { return this.parts(r).filter(p => !p.thought).map(p => p.text ?? '').join(''); },
    call(r) { return this.parts(r).find(p => p.functionCall).functionCall; },
    args: c => c.args,
  },
};

try {
  for (const [name, w] of Object.entries(wires)) {
    for (const stream of [false, true]) {
      const what = `${name}, ${stream ? 'streamed' : 'whole'}`;
      assert.equal(w.text(await w.ask(['SAY ein Wörtchen 🙂 more'], [], stream)), 'ein Wörtchen 🙂 more', what);
      assert.equal(w.text(await w.ask(['THINK inside\nSAY outside'], [], stream)), 'outside', what);
      assert.deepEqual(w.args(w.call(await w.ask(['RUN ls -l'], [], stream))), { command: 'ls -l', description: 'Runs: ls -l' }, what);
      assert.equal(w.text(await w.ask(['RUN ls -l'], ['total 0'], stream)), 'done: total 0', what);
      assert.equal(w.text(await w.ask(['RUN ls -l\nSAY and then'], ['total 0'], stream)), 'and thendone: total 0', what);
      assert.equal((await w.ask(['FAIL 503'], [], stream)).status, 503, what);
      assert.equal(w.text(await w.ask(['FAIL 503', 'SAY again'], [], stream)), 'again', what);
      assert.equal(w.text(await w.ask(['FAIL 503\nSAY in one message'], [], stream)), 'in one message', what);
      assert.match(w.text(await w.ask(['FETCH http://x'], [], stream)), /^no tool for FETCH/, what);
    }
    console.log(`${name}: ok`);
  }
  console.log('4 passed, 0 failed');
} finally {
  server.kill();
}
