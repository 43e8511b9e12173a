// The script in a prompt, and what a model does at each of its steps, whatever wire it speaks.
let ids = 0;
export const id = p => `${p}_fake${String(++ids).padStart(6, '0')}`;
export const sleep = ms => new Promise(r => setTimeout(r, ms));
const STEP = /^\s*(?:\[\[\w+\]\]\s*)?(SAY|THINK|RUN|SH|READ|WRITE|EDIT|PLAN|TOOL|FETCH|ASK|SLOW|FAIL)\b[ \t]*(.*)$/;

// ---------- script ----------
export const steps = t => t.split(/\r?\n/).map(l => STEP.exec(l)).filter(Boolean).map(m => ({ op: m[1], arg: m[2].trim() }));
const TOOL_OPS = new Set(['RUN', 'SH', 'READ', 'WRITE', 'EDIT', 'PLAN', 'TOOL', 'FETCH', 'ASK']);
function cut(s, n = 4) { // several chunks, loss-free
  if (!s) return [];
  const size = Math.max(1, Math.ceil(s.length / n)); const out = [];
  const cp = [...s];
  for (let i = 0; i < cp.length; i += size) out.push(cp.slice(i, i + size).join(''));
  return out;
}
// The same for what a tool said, without cutting a path or a word.
const cutAtBlanks = s => {
  const words = s.split(/(?<=\s)/);
  const size = Math.ceil(words.length / 4);
  return [0, 1, 2, 3].map(i => words.slice(i * size, (i + 1) * size).join('')).filter(Boolean);
};
const NAMES = {
  RUN: ['bash', 'Bash', 'run_shell_command', 'exec_command', 'shell_command', 'shell', 'local_shell', 'execute_command'],
  READ: ['read', 'Read', 'read_file', 'view', 'view_file'],
  WRITE: ['write', 'Write', 'write_file', 'create', 'apply_patch', 'edit'],
  EDIT: ['edit', 'Edit', 'replace', 'str_replace', 'apply_patch'],
  PLAN: ['todowrite', 'TodoWrite', 'write_todos', 'update_plan', 'update_todo', 'todo_write', 'TaskCreate', 'report_intent'],
  FETCH: ['webfetch', 'WebFetch', 'web_fetch'],
  ASK: ['AskUserQuestion', 'ask_user', 'ask_user_question', 'question', 'request_user_input'],
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
export function fill(args, schema) {
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
  let t = pick(tools, op);
  // Claude Code: there, but not in the list until it is searched for.
  if (!t && op === 'PLAN' && tools.some(x => x.name === 'ToolSearch')) t = { name: 'TaskCreate' };
  if (!t) return null;
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
export function plan(n) {
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
  if (n.results.length) cutAtBlanks('done: ' + n.results.at(-1).trim().slice(0, 2000)).forEach(text => out.push({ text, delay: 10 }));
  if (!out.length) out.push({ text: 'ok (no script line in the prompt)' });
  return out;
}
