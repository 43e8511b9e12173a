/** What a person types to start a session that this page shows. */

/** As `remote` takes it: without the link's own path. */
export const relayFor = (link: string): string => link.replace(/\/v1\/link$/, "").replace(/\/$/, "");

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const AGENT = "AGENT";

/** Unencrypted to another machine is refused unless it is asked for. */
export function startCommands(link: string): { login: string; host: string; insecure: boolean } {
  const relay = relayFor(link);
  const { protocol, hostname } = new URL(relay);
  const insecure = protocol === "ws:" && !LOOPBACK.test(hostname);
  const word = /^[\w.:/-]+$/.test(relay) ? relay : `'${relay.replaceAll("'", "'\\''")}'`;
  const flag = insecure ? " --insecure" : "";
  return { login: `remote login${flag} ${word}`, host: `remote host${flag} --relay ${word} --remote -- ${AGENT}`, insecure };
}
