/**
 * Markdown of agents and people as HTML that can do nothing: no raw HTML, links to http, https and mailto only and shown with their
 * host, no images from elsewhere. Made in pieces, so that a message that grows costs only its last piece and none is ever long.
 */
import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";
import { cutText, exact, hostOf, prose, safeUrl } from "./clean.ts";

/** A piece that is parsed at once; a paragraph over it is shown as it is. */
const PIECE_MAX = 8 * 1024;
const LONG_LINE = 4 * 1024;

const escape = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");

/** Tags without attributes that say something Markdown cannot. */
const HARMLESS = /^<\/?(br|kbd|sub|sup|b|i|em|strong|u|s|del|ins|mark|small)\s*\/?>$/i;

const plainOf = (html: string): string => html.replace(/<[^>]*>/g, "").replace(/&amp;/g, "&").replace(/&#39;/g, "'").replace(/&quot;/g, '"')
  .replace(/&lt;/g, "<").replace(/&gt;/g, ">");

function link(href: string, inner: string): string {
  const url = safeUrl(href);
  if (!url) {
    const target = exact(cutText(href, 500));
    return plainOf(inner) === href ? `<code>${escape(target)}</code>` : `${inner} <code>${escape(target)}</code>`;
  }
  const shown = plainOf(inner).trim();
  const same = shown === href || shown === url || `mailto:${shown}` === url || `${shown}/` === url || `https://${shown}` === url || `http://${shown}` === url;
  const host = same ? "" : ` <span class="md-host">(${escape(exact(hostOf(url)))})</span>`;
  return `<a href="${escape(url)}">${inner || escape(url)}</a>${host}`;
}

const marked = new Marked({
  gfm: true,
  breaks: false,
  async: false,
  renderer: {
    html(token: Tokens.HTML | Tokens.Tag) {
      if (HARMLESS.test(token.text.trim())) return token.text;
      return token.block ? `<p class="md-plain" dir="auto">${escape(token.text.trim())}</p>` : escape(token.text);
    },
    link({ href, tokens }: Tokens.Link) {
      return link(href, this.parser.parseInline(tokens));
    },
    image({ href, text }: Tokens.Image) {
      return `<span class="md-image">image: ${link(href, escape(text || "without a description"))}</span>`;
    },
    code({ text, lang }: Tokens.Code) {
      const name = escape(exact((lang ?? "").trim().split(/\s/, 1)[0]!.slice(0, 40)));
      return `<div class="md-code"><div class="md-code-head"><span class="md-lang">${name}</span>` +
        `<button type="button" class="md-act" data-act="wrap" aria-pressed="false">Wrap</button>` +
        `<button type="button" class="md-act" data-act="copy">Copy</button></div>` +
        `<pre tabindex="0" dir="ltr"><code>${escape(exact(text))}</code></pre></div>`;
    },
    codespan({ text }: Tokens.Codespan) {
      return `<code dir="auto">${escape(exact(text))}</code>`;
    },
    heading({ tokens, depth }: Tokens.Heading) {
      const level = Math.min(6, depth + 2);
      return `<h${level} class="md-h${depth}" dir="auto">${this.parser.parseInline(tokens)}</h${level}>`;
    },
    paragraph({ tokens }: Tokens.Paragraph) {
      return `<p dir="auto">${this.parser.parseInline(tokens)}</p>`;
    },
    listitem(item: Tokens.ListItem) {
      return `<li dir="auto">${this.parser.parse(item.tokens)}</li>`;
    },
    checkbox({ checked }: Tokens.Checkbox) {
      return checked ? "☑ " : "☐ ";
    },
    blockquote({ tokens }: Tokens.Blockquote) {
      return `<blockquote dir="auto">${this.parser.parse(tokens)}</blockquote>`;
    },
    table(token: Tokens.Table) {
      const cell = (one: Tokens.TableCell, tag: string) => `<${tag} dir="auto">${this.parser.parseInline(one.tokens)}</${tag}>`;
      const head = token.header.map((one) => cell(one, "th")).join("");
      const rows = token.rows.map((row) => `<tr>${row.map((one) => cell(one, "td")).join("")}</tr>`).join("");
      return `<div class="md-table" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
    },
  },
});

const ALLOWED = {
  ALLOWED_TAGS: ["a", "b", "blockquote", "br", "button", "code", "del", "div", "em", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark",
    "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"],
  ALLOWED_ATTR: ["href", "class", "dir", "start", "type", "data-act", "aria-pressed", "tabindex"],
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ADD_ATTR: ["data-act", "aria-pressed"],
};

let hooked = false;
function purify(html: string): string {
  if (!hooked) {
    hooked = true;
    DOMPurify.addHook("afterSanitizeAttributes", (node) => {
      if (node.tagName !== "A") return;
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer");
    });
  }
  return DOMPurify.sanitize(html, ALLOWED);
}

/** As it is, in paragraphs: what is too long or too odd to be parsed. */
const plain = (text: string): string => `<p class="md-plain" dir="auto">${escape(prose(text))}</p>`;

/** One piece as HTML, by the renderer alone: the first of two walls. */
export function renderHtml(text: string): string {
  const odd = text.length > 2 * PIECE_MAX || /[^\n]{4097}/.test(text) || /^(?:[>\s]*>){24}/m.test(text) || /[*_[\]`~<!(&]{512}/.test(text) ||
    (text.match(/[*_[\]`<]/g)?.length ?? 0) > LONG_LINE / 2;
  if (odd) return plain(text);
  try {
    return marked.parse(prose(text), { async: false });
  } catch {
    return plain(text);
  }
}

/** What was made lately is kept: rows come and go while a person scrolls. */
const made = new Map<string, string>();
let madeLength = 0;
const MADE_LENGTH_MAX = 2 * 1024 * 1024;

/** One piece as HTML that may be put into the page. */
export function markdownHtml(text: string): string {
  let html = made.get(text);
  if (html !== undefined) return html;
  html = purify(renderHtml(text));
  madeLength += text.length + html.length;
  if (madeLength > MADE_LENGTH_MAX) {
    made.clear();
    madeLength = text.length + html.length;
  }
  made.set(text, html);
  return html;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** A line that belongs to what stands before the empty line: an item, its text, a row of a table, a quotation. */
const GOES_ON = /^(\s|[-*+]\s|\d{1,9}[.)]\s|\||>)/;

/**
 * Cuts a text between top-level blocks. Pieces do not change once a later one has begun, so that all but the last stay as they are
 * while a message grows.
 */
export function pieces(text: string): string[] {
  const out: string[] = [];
  let begin = 0;
  let fence = "";
  let at = 0;
  let blank = false;
  while (at < text.length) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    const line = text.slice(at, Math.min(end, at + 200));
    const mark = FENCE.exec(line);
    const head = fence === "" && blank && line.trim() !== "" && !GOES_ON.test(line);
    if (head && at > begin && at - begin > 400) {
      out.push(text.slice(begin, at));
      begin = at;
    }
    if (mark) {
      if (fence === "") fence = mark[1]!;
      else if (mark[1]!.startsWith(fence) && mark[2]!.trim() === "") fence = "";
    }
    // Too long for one: cut at this line, and a fence goes on as one.
    if (at - begin > PIECE_MAX) {
      out.push(fence && !mark ? `${text.slice(begin, at)}${fence}\n` : text.slice(begin, at));
      if (fence && !mark) {
        text = `${text.slice(0, at)}${fence}\n${text.slice(at)}`;
        end += fence.length + 1;
      }
      begin = at;
    }
    blank = line.trim() === "";
    at = end + 1;
  }
  if (begin < text.length) {
    let rest = text.slice(begin);
    while (rest.length > 2 * PIECE_MAX) {
      const part = cutText(rest, PIECE_MAX * 2);
      out.push(part);
      rest = rest.slice(part.length);
    }
    out.push(rest);
  }
  return out;
}
