/** Signing in by a code that this browser shows, and that a person confirms on another device. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/index.ts";
import { announce } from "../parts/toast.tsx";
import { arrive } from "./arrive.ts";
import { endPairing, pair, Refused, waitForPairing, type Pairing } from "./ask.ts";
import { Countdown, useLeft } from "./countdown.tsx";
import { nameFault, ownDeviceName } from "./device_name.ts";
import { Qr } from "./qr.tsx";
import { refusalWords } from "./words.ts";

/** The name of a pairing that this tab has begun: after a reload it goes on. The secret of it lies in a cookie. */
const KEY = "remote.pairing";
const RETRY_MS = 2_000;

function begun(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(name: string | undefined): void {
  try {
    if (name === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, name);
  } catch {
    // storage is off: a reload begins anew
  }
}

const pause = (ms: number, signal: AbortSignal) => new Promise<void>((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  }, { once: true });
});
/** What goes by itself: no network, a relay that restarts or asks to slow down. */
const passes = (error: unknown): error is Refused => error instanceof Refused && error.code < 3000;

/** Begins, shows the code, and waits until a person has said yes; throws when it was not to be. */
async function follow(name: string, show: (pairing: Pairing) => void, signal: AbortSignal): Promise<void> {
  for (let known = false; ;) {
    try {
      const pairing = known ? await waitForPairing(signal) : await pair(name, signal);
      if (pairing.code === "") return;
      known = true;
      show(pairing);
    } catch (error) {
      if (!passes(error)) throw error;
      await pause(Math.max(error.retryAfterMs, RETRY_MS), signal);
    }
  }
}

export function ByCode() {
  const [name, setName] = useState(() => begun() ?? ownDeviceName());
  const [asking, setAsking] = useState(() => begun() !== undefined);
  const [pairing, setPairing] = useState<Pairing | undefined>(undefined);
  const [fault, setFault] = useState("");
  const wanted = useRef(name);
  useEffect(() => {
    if (!asking) return;
    const ending = new AbortController();
    const stop = (why: string) => {
      keep(undefined);
      setAsking(false);
      setPairing(undefined);
      setFault(why);
    };
    follow(wanted.current, (shown) => {
      setPairing((before) => {
        if (before?.code !== shown.code) announce(`The code is ${[...shown.code].join(" ")}`);
        return shown;
      });
    }, ending.signal).then(() => {
      keep(undefined);
      return arrive();
    }).catch((error: unknown) => {
      if (!ending.signal.aborted) stop(refusalWords(error));
    });
    return () => ending.abort();
  }, [asking]);
  const begin = (event: Event) => {
    event.preventDefault();
    const wrong = nameFault(name);
    setFault(wrong ?? "");
    if (wrong) return;
    wanted.current = name.trim();
    keep(wanted.current);
    setAsking(true);
  };
  const cancel = () => {
    keep(undefined);
    setAsking(false);
    setPairing(undefined);
    endPairing().catch(() => {}); // else it ends by itself
  };
  return (
    <section class="card account-card" aria-labelledby="by-code">
      <h2 id="by-code">With a code</h2>
      {pairing ? <Shown pairing={pairing} name={wanted.current} onCancel={cancel} /> : (
        <form class="account-form" onSubmit={begin}>
          <p>Shows a code here, which you confirm on a device that is signed in.</p>
          <div class="field">
            <label for="pair-name">Name of this device</label>
            <input id="pair-name" value={name} maxLength={63} autocomplete="off" data-testid="pair-name"
              onInput={(event) => setName(event.currentTarget.value)} />
          </div>
          <p class="account-fault" role="alert">{fault}</p>
          <Button submit kind="primary" busy={asking} data-testid="pair">Show a code</Button>
        </form>
      )}
    </section>
  );
}

function Shown({ pairing, name, onCancel }: { pairing: Pairing; name: string; onCancel(): void }) {
  const left = useLeft(pairing.until);
  const place = new URL(`#/devices/${pairing.code}`, document.baseURI).href;
  return (
    <div class="pairing">
      <p class="pairing-code mono" data-testid="pair-code" aria-label={`Code ${[...pairing.code].join(" ")}`}>{pairing.code}</p>
      <Qr text={place} label="The same code for the camera of a device that is signed in" />
      <ol class="pairing-steps">
        <li>On a phone that is signed in, scan this; on a computer open <b>Devices</b> and write the code, or run <code>remote devices confirm {pairing.code}</code>.</li>
        <li>It asks you about <b><bdi>{name}</bdi></b>. Say yes, and this page goes on by itself.</li>
      </ol>
      <p class="muted small">Waiting. The code is good for <Countdown seconds={left} />.</p>
      <Button onClick={onCancel}>Cancel</Button>
    </div>
  );
}
