/** The page's service worker. Each concern adds its own listeners. */
import { serveShell } from "./shell.ts";

serveShell();
