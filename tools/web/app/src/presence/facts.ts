/** The facts as the page has them this second. */
import { computed } from "@preact/signals";
import { now, relayNow } from "../parts/clock.ts";
import { connection, facts, lostSince, online } from "../state/link.ts";
import type { SessionModel } from "../state/session.ts";
import { RemoteMode } from "@libremote/link/messages";
import { hostWords, viewOnly } from "./host_words.ts";
import { linkWords } from "./link_words.ts";
import { reach } from "./reach.ts";

export const link = computed(() => linkWords(facts.value, {
  now: now.value,
  // bytes that bring no news change no signal: read it as it is now
  lastHeard: connection.value?.facts.lastHeard ?? facts.value?.lastHeard,
  lostSince: lostSince.value,
  offline: !online.value,
  reach: reach.value,
}));

/** There is a connection and something was heard on it lately. */
export const isLive = computed(() => link.value.state === "live");

export const modeOf = (model: SessionModel): RemoteMode =>
  model.view.value?.remoteMode ?? (model.info.value?.remoteMode as RemoteMode | undefined) ?? RemoteMode.UNSPECIFIED;

export const hostOf = (model: SessionModel) =>
  hostWords(model.status.value, modeOf(model), relayNow.value, facts.value?.phase !== "live", model.view.value?.ended ?? false);

/** Why this page can only watch; undefined: it may steer. */
export const viewOnlyOf = (model: SessionModel): string | undefined =>
  viewOnly(model.status.value, modeOf(model), model.view.value?.ended ?? false);

/** Nobody is signed in here (any more): what was shown is nobody's to see. */
export const signedOut = computed(() => link.value.problem?.action === "sign-in");
