// What the wires share: prompts as events, and answers as server-sent events.
import { steps } from './script.mjs';

export const str = v => typeof v === 'string' ? v : Array.isArray(v) ? v.map(x => typeof x === 'string' ? x : x.text ?? (x.content ? str(x.content) : '')).join('\n') : v == null ? '' : JSON.stringify(v);
// events: [{user}|{result}] in order; the last user event that holds a step wins; results after it count
export function fold(events, tools, json) {
  let at = -1;
  events.forEach((e, i) => { if (e.user != null && steps(e.user).length) at = i; });
  const user = at >= 0 ? events[at].user : '';
  const results = events.slice(at + 1).filter(e => e.result != null).map(e => e.result);
  return { user, results, tools, json, nudged: at >= 0 && events.at(-1)?.user != null && at < events.length - 1 && results.length > 0 };
}

export const words = s => Math.max(1, Math.ceil((s || '').length / 4));
export function sse(res) {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', connection: 'keep-alive' });
  res.gone = false; res.on('close', () => { res.gone = true; });
  return (event, data) => { if (!res.gone) res.write((event ? `event: ${event}\n` : '') + `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`); };
}
export const json = (res, code, o) => { res.writeHead(code, { 'content-type': 'application/json' }); res.end(JSON.stringify(o)); };
export const textOf = p => p.filter(x => x.text).map(x => x.text).join('');
export const thinkOf = p => p.filter(x => x.think).map(x => x.think).join('');
export const callOf = p => p.find(x => x.call)?.call;
