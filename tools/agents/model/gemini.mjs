// Gemini generateContent and streamGenerateContent.
import { sleep, fill } from './script.mjs';
import { str, fold, words, sse, json, textOf } from './common.mjs';

export function read(b) {
  const ev = [];
  for (const c of b.contents || []) for (const p of c.parts || []) {
    if (p.functionResponse) { const r = p.functionResponse.response; ev.push({ result: str(r?.output ?? r?.error ?? r) }); }
    else if (c.role !== 'model' && p.text != null) ev.push({ user: p.text });
  }
  const tools = (b.tools || []).flatMap(t => t.functionDeclarations || []).map(f => ({ name: f.name, schema: f.parametersJsonSchema || f.parameters }));
  const js = b.generationConfig?.responseMimeType === 'application/json' || b.generationConfig?.responseJsonSchema;
  return fold(ev, tools, js ? JSON.stringify(fill({}, b.generationConfig?.responseJsonSchema || b.generationConfig?.responseSchema)) : null);
}

export async function write(res, p, stream) {
  const usageMetadata = { promptTokenCount: 100, candidatesTokenCount: words(textOf(p)), totalTokenCount: 100 + words(textOf(p)) };
  const part = x => x.text ? { text: x.text } : x.think ? { text: x.think, thought: true } : { functionCall: { id: x.call.id, name: x.call.tool.name, args: x.call.args } };
  const cand = (parts, fin) => ({ candidates: [{ index: 0, content: { role: 'model', parts }, ...(fin && { finishReason: 'STOP' }) }], usageMetadata, modelVersion: 'fake', responseId: 'resp_fake' });
  if (!stream) return json(res, 200, cand(p.map(part), true));
  const send = sse(res);
  for (const [i, x] of p.entries()) { if (x.delay) await sleep(x.delay); if (res.gone) return; send(null, cand([part(x)], i === p.length - 1)); }
  res.end();
}
