/** Changes of files, fetched when there is one: comparing texts is much of the page's code. */
import { lazy } from "../../frame/lazy.tsx";

export const DiffView = lazy(async () => (await import("./diff.tsx")).DiffView);
export const DiffCounts = lazy(async () => (await import("./diff.tsx")).DiffCounts);
