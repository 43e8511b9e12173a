/** A page that a person is to open. Opening it answers nothing: what was done is said afterwards. */
import { Button, Icon, toast } from "../parts/index.ts";

/** May this page follow it? Only to http and https, whole and readable. */
export function opens(url: string): string | undefined {
  if (!/^https?:\/\/[^\s\p{C}]+$/iu.test(url)) return undefined;
  try {
    return new URL(url).href;
  } catch {
    return undefined;
  }
}

const LOCAL = /^(localhost|127(\.[0-9]+){3}|\[::1\])$/i;

export function OpenPage({ url }: { url: string }) {
  const href = opens(url);
  const local = href !== undefined && LOCAL.test(new URL(href).hostname);
  return (
    <div class="open-page">
      <div class="open-page-buttons">
        {href !== undefined && (
          <a class="button primary" href={href} target="_blank" rel="noopener noreferrer nofollow" referrerpolicy="no-referrer">
            <Icon name="external" /> Open the page
          </a>
        )}
        <Button icon="copy" onClick={() => {
          void navigator.clipboard?.writeText(url).then(() => toast("Copied"), () => toast("The browser did not let it be copied",
            { tone: "bad" }));
        }}>Copy the address</Button>
      </div>
      <p class="small muted">
        {href === undefined ? "This address is not one that a browser should follow by itself. " : ""}
        {local ? "It is an address of the host's own machine: open it there. " : ""}
        Opening answers nothing; say afterwards what you did.
      </p>
    </div>
  );
}
