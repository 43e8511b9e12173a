/** The page's service worker. Each concern adds its own listeners. */
import { servePush } from "./push.ts";
import { serveShell } from "./shell.ts";

serveShell();
servePush();
