/** The module that `tools/dev web` builds. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Module } from "../src/index.js";

const path = process.env.REMOTE_LINK_WASM ?? fileURLToPath(new URL("../../../../build/wasm/remote-link.wasm", import.meta.url));

/** Tests that need it are left out then. */
export const moduleMissing = !existsSync(path);
if (moduleMissing) console.warn(`left out: ${path} is not there (tools/dev web builds it)`);

export const compiled = (): Promise<WebAssembly.Module> => WebAssembly.compile(readFileSync(path));
export const loadModule = async (): Promise<Module> => Module.instantiate(await compiled());
